import type { StoredResult } from "../../builder/store/admin.js";

export interface PruneRule {
  /** Only what was used before this moment (`YYYY-MM-DD HH:MM:SS`, strictly), as OBuilder compares. */
  before: string;
  limit: number;
  /** Ids that stay, and with them what they were built on. */
  kept: ReadonlySet<string>;
}

/**
 * The order in which OBuilder's prune would remove: again and again the least recently used result that nothing is built
 * on, so that a parent follows its last child. Results without a row or a tree are `repair`'s.
 */
export function choosePrunable(results: readonly StoredResult[], rule: PruneRule): string[] {
  const rows = results.filter(({ rc, isWhole }) => rc !== undefined && isWhole);
  const children = new Map<string, number>();
  for (const { parent } of rows) if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1);
  const isFree = (row: StoredResult): boolean =>
    (children.get(row.id) ?? 0) === 0 && !rule.kept.has(row.id) && (row.used ?? "") < rule.before;
  const left = new Map(rows.map((row) => [row.id, row]));
  const chosen: string[] = [];
  while (chosen.length < rule.limit) {
    let oldest: StoredResult | undefined;
    for (const row of left.values())
      if (isFree(row) && (oldest === undefined || (row.used ?? "") < (oldest.used ?? ""))) oldest = row;
    if (oldest === undefined) break;
    left.delete(oldest.id);
    if (oldest.parent !== undefined) children.set(oldest.parent, (children.get(oldest.parent) ?? 1) - 1);
    chosen.push(oldest.id);
  }
  return chosen;
}

/** The ids that begin with what a person typed; OBuilder wants all 64 digits, we take what is enough. */
export function matchIds(results: readonly StoredResult[], text: string): string[] {
  return results.map(({ id }) => id).filter((id) => id.startsWith(text));
}

/** A result, then all that was built on it. */
export function listDescendants(results: readonly StoredResult[], id: string): string[] {
  const found = [id];
  for (let at = 0; at < found.length; at++)
    found.push(...results.filter(({ parent }) => parent === found[at]).map((result) => result.id));
  return found;
}

/** `90m`, `12h`, `30d` in seconds; undefined for anything else. */
export function parseAge(text: string): number | undefined {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text);
  const unit = UNIT_SECONDS[match?.[2] ?? ""];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A moment some seconds before `now`, in the form of the database. */
export function momentBefore(now: string, seconds: number): string {
  const time = Date.parse(`${now.replace(" ", "T")}Z`) - seconds * 1000;
  return new Date(time).toISOString().slice(0, 19).replace("T", " ");
}
