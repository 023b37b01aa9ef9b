import { raw, sh } from "../../host/quote.js";
import { STATE_DIR } from "../../host/host.js";
import type { JobLock } from "../../host/jobs/jobs.js";
import { JOB_ALIVE } from "../../host/jobs/scripts.js";
import { SCHEMA_SQL } from "./database.js";
import type { StoreEngine } from "./engine.js";
import type { Builder, StoreConfig } from "./layout.js";
import { renderAcquire } from "./lock.js";
import { renderVariables, STORE_SHELL } from "./shell.js";

/** What a store says when it is opened for a build. */
export interface StoreFacts {
  /** Set when another run holds the builder: age of its last sign of life in seconds, and who it is. */
  busy: { ageSeconds: number; who: string } | undefined;
  fault: { code: string; text: string } | undefined;
  /** Ids that have a whole result. */
  results: Set<string>;
  /** Digest of what each base was made from, where it is known. */
  bases: Map<string, string>;
  /** Jobs of this builder's steps that are there. */
  jobs: Map<string, "running" | "finished" | "lost">;
  /** The builder's own folder for temporary files. */
  tmpDir: string;
  /** `seconds`, `kib` of each result, as reported when it was made. */
  sizes: Map<string, string>;
  isQuarantined: boolean;
  isNew: boolean;
}

/**
 * Takes the builder's lock, makes what is missing of the store (OBuilder's folders, 755 less umask, inside one that
 * only root enters), purges what killed runs left, and lists what is there.
 */
export function renderOpen(
  store: StoreConfig,
  builder: Builder,
  engine: StoreEngine,
  lock: JobLock,
  who: string,
): string {
  return `${renderVariables(store, builder)}${STORE_SHELL}${engine.shell}${renderAcquire(lock, who)}
${renderMakeStore(engine)}
[ ! -e ${STATE_DIR}/builders/$uid.quarantine ] || echo quarantined
running=no
${JOB_ALIVE}
for job in ${STATE_DIR}/jobs/step-$uid-*; do
  [ -d "$job" ] || continue
  state=lost
  if [ -e "$job/rc" ]; then state=finished
  elif job_is_alive "$job"; then state=running; running=yes; fi
  echo "job $(basename "$job") $state"
done
if [ $running = no ]; then
  # Nobody works here: what lies in these folders was left by a run that died.
  for leftover in "$store"/result-tmp/* "$store"/cache-tmp/*; do discard "$leftover"; done
  empty_trash
fi
for result in "$store"/result/*; do
  [ -d "$result" ] || continue
  if [ -d "$result/rootfs" ]; then echo "result $(basename "$result")"; fi
done
for base in "$store"/state/bases/*; do [ ! -f "$base" ] || echo "base $(basename "$base") $(cat "$base")"; done
for step in "$store"/state/steps/*; do [ ! -f "$step" ] || echo "size $(basename "$step") $(tr '\\n' ';' <"$step")"; done
tmp=
[ "$(uname -s)" != Darwin ] || tmp=$(/usr/bin/sudo -n -u "$user" /usr/bin/getconf DARWIN_USER_TEMP_DIR 2>/dev/null | head -n 1)
case $tmp in /var/folders/*/T/ | /private/var/folders/*/T/) ;; *) tmp=/tmp/builder-$uid ;; esac
echo "tmp $tmp"
`;
}

/** The store's folders, owner and database, without a build: prints `fault CODE …` when it cannot be. */
export function renderEnsureStore(store: StoreConfig, builder: Builder, engine: StoreEngine): string {
  return `${renderVariables(store, builder)}${STORE_SHELL}${engine.shell}${renderMakeStore(engine)}`;
}

function renderMakeStore(engine: StoreEngine): string {
  return `id -u "$user" >/dev/null 2>&1 || { echo "fault CONFIG_INVALID builder $user is not a user of this Mac"; exit 0; }
[ "$(id -u "$user")" = "$uid" ] || { echo "fault CONFIG_INVALID builder $user has uid $(id -u "$user"), not $uid"; exit 0; }
owner="$user $uid $home $prefix"
if [ -e "$store/state/owner" ] && [ "$(cat "$store/state/owner")" != "$owner" ]; then
  echo "fault NOT_OWNED the store $store belongs to builder $(cat "$store/state/owner"): results cannot move to another home or uid"; exit 0
fi
[ -d "$store/result" ] || echo new
[ -d "$store" ] || { mkdir -p "$(dirname "$store")"; mkdir -m 0700 "$store"; }
mkdir -p "$store/state/db" "$store/state/bases" "$store/state/steps" "$store/cache" "$store/cache-tmp" "$store/result" "$store/result-tmp"
printf '%s\\n' "$owner" | cmp -s - "$store/state/owner" || printf '%s\\n' "$owner" | write_file "$store/state/owner"
engine_probe 2>"$store/state/probe" || { echo "fault CONFIG_INVALID engine ${engine.name}: $(cat "$store/state/probe")"; exit 0; }
rm -f "$store/state/probe"
${sh`printf %s ${SCHEMA_SQL} | sql >/dev/null`}
`;
}

export function parseOpen(text: string): StoreFacts {
  const facts: StoreFacts = {
    busy: undefined,
    fault: undefined,
    results: new Set(),
    bases: new Map(),
    jobs: new Map(),
    tmpDir: "",
    sizes: new Map(),
    isQuarantined: false,
    isNew: false,
  };
  for (const line of text.split("\n")) {
    const [key, first = "", ...rest] = line.split(" ");
    const tail = rest.join(" ");
    if (key === "busy") facts.busy = { ageSeconds: Number(first), who: tail };
    else if (key === "fault") facts.fault = { code: first, text: tail };
    else if (key === "new") facts.isNew = true;
    else if (key === "quarantined") facts.isQuarantined = true;
    else if (key === "job") facts.jobs.set(first, tail === "running" || tail === "finished" ? tail : "lost");
    else if (key === "result") facts.results.add(first);
    else if (key === "base") facts.bases.set(first, tail);
    else if (key === "size") facts.sizes.set(first, tail);
    else if (key === "tmp") facts.tmpDir = first;
  }
  return facts;
}

/** Removes results with all that was built on them: rows and folders, children first; prints `removed ID` for each. */
export function renderRemove(
  store: StoreConfig,
  builder: Builder,
  select: string,
  deleteRow: (id: string) => string,
): string {
  const marker = "0".repeat(64);
  return `${renderVariables(store, builder)}${STORE_SHELL}
ids=$(${sh`printf '%s\n' ${select} | sql`})
for id in $ids; do
  discard "$store/result/$id"
  ${sh`printf '%s\n' ${deleteRow(marker)} | sed "s/${raw(marker)}/$id/g" | sql`}
  rm -f "$store/state/bases/$id" "$store/state/steps/$id"
  [ "$(cat "$store/state/worktree" 2>/dev/null)" != "$id" ] || rm -f "$store/state/worktree"
  echo "removed $id"
done
empty_trash
`;
}
