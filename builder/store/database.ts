import { checkStepId } from "./layout.js";

/** OBuilder's one table and index (reference: its lib/dao.ml); made only when absent, as there. */
export const SCHEMA_SQL = `
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS builds (
  id TEXT PRIMARY KEY,
  created DATETIME NOT NULL,
  used DATETIME NOT NULL,
  rc INTEGER NOT NULL,
  parent TEXT,
  FOREIGN KEY (parent) REFERENCES builds (id) ON DELETE RESTRICT
);
CREATE INDEX IF NOT EXISTS lru ON builds (rc, used);
`;

const NOW = "datetime('now')";

/**
 * A new result's row. The parent's `rc` is counted, not raised: a row that comes twice, as after a crash between the
 * result and its row, leaves the right number (the original drifts there).
 */
export function addRowSql(id: string, parent: string | undefined): string {
  checkStepId(id);
  const value = parent === undefined ? "NULL" : `'${checkStepId(parent)}'`;
  const row = `INSERT OR REPLACE INTO builds VALUES ('${id}', ${NOW}, ${NOW}, (SELECT count(*) FROM builds WHERE parent = '${id}'), ${value});`;
  return parent === undefined ? row : `BEGIN IMMEDIATE;\n${row}\n${countSql(parent)}\nCOMMIT;`;
}

/** Every hit counts as a use, bases too. A result without a row (lost in a crash) gets one. */
export function touchRowsSql(chain: readonly { id: string; parent: string | undefined }[]): string {
  if (chain.length === 0) return "";
  const lines = chain.flatMap(({ id, parent }) => {
    const value = parent === undefined ? "NULL" : `'${checkStepId(parent)}'`;
    return [
      `INSERT OR IGNORE INTO builds VALUES ('${checkStepId(id)}', ${NOW}, ${NOW}, (SELECT count(*) FROM builds WHERE parent = '${id}'), ${value});`,
      `UPDATE builds SET used = ${NOW} WHERE id = '${id}';`,
      ...(parent === undefined ? [] : [countSql(parent)]),
    ];
  });
  return `BEGIN IMMEDIATE;\n${lines.join("\n")}\nCOMMIT;`;
}

/** A result and all that was built on it, deepest first. */
export function descendantsSql(id: string): string {
  return `WITH RECURSIVE tree(id, depth) AS (SELECT '${checkStepId(id)}', 0 UNION SELECT builds.id, depth + 1 FROM builds JOIN tree ON builds.parent = tree.id) SELECT id FROM tree ORDER BY depth DESC;`;
}

export function deleteRowSql(id: string): string {
  checkStepId(id);
  return `BEGIN IMMEDIATE;
UPDATE builds SET rc = rc - 1 WHERE id = (SELECT parent FROM builds WHERE id = '${id}');
DELETE FROM builds WHERE id = '${id}';
COMMIT;`;
}

/** Ids without children used before the given moment (`YYYY-MM-DD HH:MM:SS`, UTC), oldest first: OBuilder's order. */
export function leastRecentlyUsedSql(before: string, limit: number): string {
  if (!/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(before)) throw new RangeError(`not a time: ${before}`);
  return `SELECT id FROM builds WHERE rc = 0 AND used < '${before}' ORDER BY used ASC LIMIT ${Math.trunc(limit)};`;
}

function countSql(id: string): string {
  return `UPDATE builds SET rc = (SELECT count(*) FROM builds WHERE parent = '${checkStepId(id)}') WHERE id = '${id}';`;
}
