/**
 * Looking at and looking after a store, for `macfoundry store`. Each function is one exec on the Mac; `root` is the folder
 * with `result` and `state`. What changes a store is refused with STORE_BUSY while a build holds its builder.
 */
import { MacfoundryError } from "../../host/errors.js";
import type { Host } from "../../host/host.js";
import { quoteWord, raw, sh } from "../../host/quote.js";
import { deleteRowSql, descendantsSql, leastRecentlyUsedSql } from "./database.js";
import { TREE_PERL } from "./digest.js";
import { checkStepId } from "./layout.js";
import { LOCK_STALE_SECONDS } from "./lock.js";
import { STORE_SHELL } from "./shell.js";

export interface StoredResult {
  id: string;
  parent: string | undefined;
  /** Number of children, by its row; undefined without a row. */
  rc: number | undefined;
  /** UTC, `YYYY-MM-DD HH:MM:SS`. */
  created: string | undefined;
  used: string | undefined;
  /** On disk, shared blocks included; undefined for results of another program. */
  kib: number | undefined;
  isWhole: boolean;
}

export type DamageKind = "no tree" | "no env" | "no row" | "no result" | "wrong count" | "altered" | "leftover";

export interface Damage {
  kind: DamageKind;
  /** Step id, or the leftover's path. */
  subject: string;
  detail: string;
}

const HOUR_MS = 3_600_000;

/** All results, oldest first. */
export async function listResults(host: Host, root: string): Promise<StoredResult[]> {
  const text = await host.read(`${variables(root)}${STORE_SHELL}
[ -d "$store/result" ] || exit 0
printf 'SELECT id, rc, created, used, parent FROM builds ORDER BY created, rowid;\\n' | sql | sed 's/^/row|/'
for result in "$store"/result/*; do
  [ -d "$result" ] || continue
  id=$(basename "$result")
  echo "result|$id|$([ -d "$result/rootfs" ] && echo whole)|$(sed -n 's/^kib //p' "$store/state/steps/$id" 2>/dev/null)"
done
`);
  const results = new Map<string, StoredResult>();
  const blank = {
    parent: undefined,
    rc: undefined,
    created: undefined,
    used: undefined,
    kib: undefined,
    isWhole: false,
  };
  for (const line of text.split("\n")) {
    const [kind, id = "", first = "", second = "", third = "", fourth = ""] = line.split("|");
    if (kind === "row") {
      results.set(id, {
        ...blank,
        id,
        rc: Number(first),
        created: second,
        used: third,
        parent: fourth === "" ? undefined : fourth,
      });
    } else if (kind === "result") {
      const known = results.get(id) ?? { ...blank, id };
      results.set(id, { ...known, isWhole: first === "whole", kib: second === "" ? undefined : Number(second) });
    }
  }
  return [...results.values()];
}

/** The log of a step, to the callback as it comes. Raises STORE_CORRUPT when the store has no such result. */
export async function showLog(host: Host, root: string, id: string, onOutput: (chunk: Buffer) => void): Promise<void> {
  const result = quoteWord(`${root}/result/${checkStepId(id)}`);
  const { code } = await host.tryRead(`[ -d ${result} ] || exit 44\n[ ! -e ${result}/log ] || cat ${result}/log`, {
    onStdout: onOutput,
    timeoutMs: HOUR_MS,
  });
  if (code === 44) throw noResult(host, id);
}

/** Used and free KiB of the store's volume, and what the store itself takes there. */
export async function measureStore(
  host: Host,
  root: string,
): Promise<{ storeKib: number; usedKib: number; freeKib: number }> {
  const text = await host.read(
    `${variables(root)}du -skx "$store" | cut -f 1\ndf -Pk "$store" | awk 'NR == 2 { print $(NF - 3), $(NF - 2) }'`,
    { timeoutMs: HOUR_MS },
  );
  const [storeKib = NaN, usedKib = NaN, freeKib = NaN] = text.trim().split(/\s+/).map(Number);
  return { storeKib, usedKib, freeKib };
}

/** Removes a result and all that was built on it, children first; gives the ids in the order removed. */
export async function deleteResult(host: Host, root: string, id: string): Promise<string[]> {
  return removed(
    await change(
      host,
      root,
      `delete ${id.slice(0, 12)}`,
      renderRemoval(`${sh`printf '%s\n' ${descendantsSql(checkStepId(id))}`} | sql`, id),
    ),
  );
}

/**
 * Removes up to `limit` results that nothing was built on and that were not used since `before` (UTC, whole seconds,
 * strictly), the least recently used first; as OBuilder, one at a time, so that a parent can follow its last child.
 */
export async function pruneResults(host: Host, root: string, before: string, limit: number): Promise<string[]> {
  const query = leastRecentlyUsedSql(before, 1);
  return removed(
    await change(
      host,
      root,
      "prune",
      `n=0
while [ $n -lt ${Math.max(0, Math.trunc(limit))} ]; do
  id=$(${sh`printf '%s\n' ${query} | sql`})
  [ -n "$id" ] || break
  ${REMOVE_ONE}
  n=$((n + 1))
done
empty_trash
`,
    ),
  );
}

/** Everything that is not as a store should be; nothing is changed. Contents are judged by size and time, not read. */
export async function verifyStore(host: Host, root: string): Promise<Damage[]> {
  const script = `${variables(root)}${STORE_SHELL}
[ -d "$store/result" ] || exit 0
rows=$(printf 'SELECT id, rc, (SELECT count(*) FROM builds c WHERE c.parent = b.id) FROM builds b;\\n' | sql)
printf '%s\\n' "$rows" | /usr/bin/perl -e ${quoteWord(VERIFIER)} "$store"
`;
  return parseDamage(await host.read(script, { timeoutMs: HOUR_MS }));
}

/**
 * Mends what can be mended and gives what was found: rows follow the folders, counts the rows, leftovers and altered
 * or incomplete results go. What was built on an altered result stays: the next build makes the missing step anew.
 */
export async function repairStore(host: Host, root: string): Promise<Damage[]> {
  const found = await verifyStore(host, root);
  if (found.length === 0) return found;
  const bad = found.filter(({ kind }) => kind === "no tree" || kind === "altered" || kind === "no result");
  const missingRows = found.filter(({ kind }) => kind === "no row").map(({ subject }) => checkStepId(subject));
  const lines = bad.map(({ subject }) => `id=${checkStepId(subject)}\n${REMOVE_ONE}`);
  for (const id of missingRows) {
    lines.push(`id=${id}
parent=$(sed -n 's/^parent //p' "$store/state/steps/$id" 2>/dev/null || :)
case $parent in ????????????????????????????????????????????????????????????????) parent="'$parent'" ;; *) parent=NULL ;; esac
printf "INSERT OR IGNORE INTO builds VALUES ('%s', datetime('now'), datetime('now'), 0, %s);\\n" "$id" "$parent" | sql`);
  }
  lines.push(
    `printf '%s\\n' 'UPDATE builds SET rc = (SELECT count(*) FROM builds c WHERE c.parent = builds.id);' | sql`,
    'for leftover in "$store"/result-tmp/* "$store"/cache-tmp/*; do discard "$leftover"; done',
    "empty_trash",
  );
  await change(host, root, "repair", `${lines.join("\n")}\n`);
  return found;
}

/** Frees what nothing refers to: leftovers of builds that died, trash, logs of failed steps. */
export async function collectGarbage(host: Host, root: string): Promise<void> {
  await change(
    host,
    root,
    "gc",
    'for leftover in "$store"/result-tmp/* "$store"/cache-tmp/*; do discard "$leftover"; done\nrm -rf "$store/state/failed"\nempty_trash\n',
  );
}

const REMOVE_MARKER = "0".repeat(64);

const REMOVE_ONE = `discard "$store/result/$id"
  ${sh`printf '%s\n' ${deleteRowSql(REMOVE_MARKER)} | sed "s/${raw(REMOVE_MARKER)}/$id/g" | sql`}
  rm -f "$store/state/bases/$id" "$store/state/steps/$id"
  [ "$(cat "$store/state/worktree" 2>/dev/null)" != "$id" ] || rm -f "$store/state/worktree"
  echo "removed $id"`;

function renderRemoval(query: string, id: string): string {
  return `ids=$(${query})
[ -n "$ids" ] || ids=${id}
for id in $ids; do
  [ -d "$store/result/$id" ] || [ -n "$(printf "SELECT id FROM builds WHERE id = '%s';\\n" "$id" | sql)" ] || continue
  ${REMOVE_ONE}
done
empty_trash
`;
}

const VERIFIER = `${TREE_PERL}
use strict; use warnings; my ($store) = @ARGV; my %rows;
while (<STDIN>) { my ($id, $rc, $children) = /^([^|]+)\\|(-?\\d+)\\|(\\d+)/ or next; $rows{$id} = [$rc, $children] }
my %results = map { $_ => 1 } names_in("$store/result");
for my $id (sort keys %results) {
  my $dir = "$store/result/$id";
  if (!-d "$dir/rootfs") { print "no tree|$id|its folder has no rootfs\\n"; next }
  if (!-e "$dir/env") { print "no env|$id|its folder has no env file\\n" }
  if (!$rows{$id}) { print "no row|$id|the database does not know it: it would never be pruned\\n" }
  elsif ($rows{$id}[0] != $rows{$id}[1]) { print "wrong count|$id|its row counts $rows{$id}[0] children, there are $rows{$id}[1]\\n" }
  open my $f, "<", "$store/state/steps/$id" or next; my ($wanted) = map { /^shape ([0-9a-f]{64})/ ? $1 : () } <$f>; next unless defined $wanted;
  my ($shape) = shape("$dir/rootfs"); print "altered|$id|its tree is not as it was saved\\n" if $shape ne $wanted;
}
for my $id (sort keys %rows) { print "no result|$id|the database has a row, but there is no folder\\n" unless $results{$id} }
for my $dir ("result-tmp", "cache-tmp") { print "leftover|$dir/$_|a build that died left it\\n" for names_in("$store/$dir") }
`;

function parseDamage(text: string): Damage[] {
  return text.split("\n").flatMap((line) => {
    const [kind = "", subject = "", ...detail] = line.split("|");
    return subject === "" ? [] : [{ kind: kind as DamageKind, subject, detail: detail.join("|") }];
  });
}

/** Runs a change unless a build holds the store's builder. */
async function change(host: Host, root: string, what: string, script: string): Promise<string> {
  const check = `${variables(root)}${STORE_SHELL}
[ -d "$store/result" ] || { echo missing; exit 0; }
lock=/var/db/macfoundry/locks/builder-$(cut -d ' ' -f 2 "$store/state/owner" 2>/dev/null || :)
if [ -f "$lock" ] && [ "$(sed -n 3p "$lock")" = "$(boot_id)" ] && [ "$(/usr/bin/perl -e 'print time - (stat shift)[9]' "$lock")" -lt ${LOCK_STALE_SECONDS} ]; then
  echo "busy $(sed -n 2p "$lock")"; exit 0
fi
`;
  // A look comes first: any change, also one that finds the store busy, would supersede the build's controller.
  const looked = await host.read(check);
  const text = /^(busy |missing)/m.test(looked)
    ? looked
    : await host.change(`store ${root}: ${what}`, `${check}${script}`, { timeoutMs: HOUR_MS });
  const busy = /^busy (.*)$/m.exec(text);
  if (busy !== null) {
    throw new MacfoundryError({
      code: "STORE_BUSY",
      host: host.name,
      resource: `store ${root}`,
      cause: `a build uses it: ${busy[1] ?? ""}`,
      remedy: "wait for that build to end, then run again; nothing was changed",
    });
  }
  if (text.startsWith("missing")) {
    throw new MacfoundryError({
      code: "STORE_CORRUPT",
      host: host.name,
      resource: `store ${root}`,
      cause: "there is no store: the folder has no `result`",
      remedy: "name the folder that holds `result` and `state`",
    });
  }
  return text;
}

function variables(root: string): string {
  return sh`store=${root}\n`;
}

function removed(text: string): string[] {
  return [...text.matchAll(/^removed (\S+)$/gm)].map((match) => match[1] ?? "");
}

function noResult(host: Host, id: string): MacfoundryError {
  return new MacfoundryError({
    code: "STORE_CORRUPT",
    host: host.name,
    resource: `result ${id}`,
    cause: "the store has no such result",
    remedy: "`macfoundry store ls` lists those that it has",
  });
}
