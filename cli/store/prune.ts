import { collectGarbage, deleteResult, listResults } from "../../builder/store/admin.js";
import type { Host } from "../../host/host.js";
import { quoteWord } from "../../host/quote.js";
import { formatKib } from "../format.js";
import { UsageError, type Options } from "../spec/options.js";
import { choosePrunable, momentBefore, parseAge } from "./choose.js";
import { checkChangeable, print, printJson, type StoreCommand, type StoreView } from "./command.js";
import { measureFreed, measureVolume, emptyTrash, type VolumeSpace } from "./space.js";
import { listNeeded, type FoundStore } from "./survey.js";

/** As many as the ocluster worker takes at a time. */
const DEFAULT_LIMIT = 100;
const TRASH_SECONDS = 600;

interface PruneRequest {
  beforeSeconds: number;
  freePercent: number | undefined;
  limit: number;
  withPublished: boolean;
  isDryRun: boolean;
  isJson: boolean;
}

interface Pruned {
  root: string;
  removed: string[];
  freedKib: number;
  /** Prunable by age but spared, because published images need them. */
  sparedCount: number;
  isTrashEmpty: boolean;
  volume: VolumeSpace;
}

/** `store prune`: the least recently used results that nothing is built on, as OBuilder's. */
export const prune: StoreCommand = {
  shape: {
    all: "flag",
    "older-than": "value",
    free: "value",
    limit: "value",
    "with-published": "flag",
    "dry-run": "flag",
    foreign: "flag",
  },
  async run(view, options) {
    const request = readRequest(options);
    for (const store of view.survey.stores) if (!request.isDryRun) await checkChangeable(view, store, options);
    const all: Pruned[] = [];
    for (const store of view.survey.stores) all.push(await pruneStore(view, store, request));
    if (request.isJson) printJson({ host: view.host.name, isDryRun: request.isDryRun, stores: all });
    return 0;
  },
};

function readRequest(options: Options): PruneRequest {
  const [age, free, limit] = ["older-than", "free", "limit"].map((name) => options.value(name));
  if ([age, free, options.has("all") ? "" : undefined].filter((one) => one !== undefined).length !== 1)
    throw new UsageError("prune wants one of --all, --older-than AGE and --free PERCENT");
  const seconds = age === undefined ? 0 : parseAge(age);
  if (seconds === undefined) throw new UsageError("--older-than takes 90m, 12h or 30d");
  const freePercent = free === undefined ? undefined : Number(free.replace(/%$/, ""));
  if (freePercent !== undefined && !(freePercent > 0 && freePercent <= 100))
    throw new UsageError("--free takes a percentage");
  if (limit !== undefined && !/^\d{1,6}$/.test(limit)) throw new UsageError("--limit takes a whole number");
  return {
    beforeSeconds: seconds,
    freePercent,
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
    withPublished: options.has("with-published"),
    isDryRun: options.has("dry-run"),
    isJson: options.has("json"),
  };
}

async function pruneStore(view: StoreView, store: FoundStore, request: PruneRequest): Promise<Pruned> {
  const { host, survey } = view;
  const { root } = store;
  const results = await listResults(host, root);
  const before = momentBefore(survey.now, request.beforeSeconds);
  const needed = new Set(listNeeded(survey, root).keys());
  const choose = (kept: ReadonlySet<string>, limit: number) => choosePrunable(results, { before, limit, kept });
  const chosen = choose(request.withPublished ? new Set() : needed, request.limit);
  const everything = choose(new Set(), results.length).length;
  const spared = request.withPublished ? 0 : everything - choose(needed, results.length).length;
  const sizes = await measureFreed(
    host,
    root,
    chosen.map((id) => `result/${id}`),
  );
  const space = await measureVolume(host, root);
  const count = request.freePercent === undefined ? chosen.length : countUntil(space, sizes, request.freePercent);
  const picked = chosen.slice(0, count);
  const say = request.isJson ? (): void => undefined : print;
  const removed: string[] = [];
  for (const id of picked) {
    const images = listNeeded(survey, root).get(id) ?? [];
    say(
      `${request.isDryRun ? "Would remove" : "Removing"} ${id}${images.length === 0 ? "" : ` (needed by ${images.join(", ")})`}\n`,
    );
    removed.push(...(request.isDryRun ? [id] : await deleteResult(host, root, id)));
  }
  const isTrashEmpty = request.isDryRun || (await emptyTrash(host, root, TRASH_SECONDS));
  const pruned = {
    root,
    removed,
    freedKib: sizes[count - 1] ?? 0,
    sparedCount: spared,
    isTrashEmpty,
    volume: await measureVolume(host, root),
  };
  say(renderPruned(pruned, request));
  return pruned;
}

/** How many of the results, in order, have to go until so much of the volume is free. */
function countUntil(space: VolumeSpace, freedKib: readonly number[], percent: number): number {
  const total = space.usedKib + space.freeKib;
  const missing = (total * percent) / 100 - space.freeKib;
  if (missing <= 0) return 0;
  const at = freedKib.findIndex((kib) => kib >= missing);
  return at === -1 ? freedKib.length : at + 1;
}

function renderPruned(pruned: Pruned, request: PruneRequest): string {
  const verb = request.isDryRun ? "Would remove" : "Removed";
  const { volume } = pruned;
  const lines = [
    `${verb} ${pruned.removed.length} items of ${pruned.root}${request.isDryRun ? ", freeing" : "; freed"} ${formatKib(pruned.freedKib)} (less where copy-on-write clones share blocks); ${formatKib(volume.freeKib)} of the volume are free (${volume.freePercent.toFixed(1)} %)`,
  ];
  if (pruned.sparedCount > 0)
    lines.push(`Spared ${pruned.sparedCount} items that published images need (--with-published takes them too)`);
  if (!pruned.isTrashEmpty) lines.push("The removal goes on in the background");
  if (request.freePercent !== undefined && volume.freePercent < request.freePercent && !request.isDryRun)
    lines.push(`Still less than ${request.freePercent} % are free: nothing more may go under this limit`);
  return `${lines.join("\n")}\n`;
}

/** `store gc`: never a result. */
export const gc: StoreCommand = {
  shape: { foreign: "flag" },
  async run(view, options) {
    for (const store of view.survey.stores) await checkChangeable(view, store, options);
    const stores = [];
    for (const { root } of view.survey.stores) {
      const names = await listLeftovers(view.host, root);
      const sizes = await measureFreed(view.host, root, names);
      await collectGarbage(view.host, root);
      const isTrashEmpty = await emptyTrash(view.host, root, TRASH_SECONDS);
      stores.push({ root, removed: names, freedKib: sizes.at(-1) ?? 0, isTrashEmpty });
    }
    if (options.has("json")) printJson({ host: view.host.name, stores });
    else
      for (const { root, removed, freedKib, isTrashEmpty } of stores) {
        const rest = isTrashEmpty ? "" : "; the removal goes on in the background";
        print(`Removed ${removed.length} leftovers of ${root}; freed ${formatKib(freedKib)}${rest}\n`);
      }
    return 0;
  },
};

async function listLeftovers(host: Host, root: string): Promise<string[]> {
  const text = await host.read(
    `cd ${quoteWord(root)}\nfor one in result-tmp/* cache-tmp/* trash/* state/failed/*; do [ ! -e "$one" ] && [ ! -L "$one" ] || printf '%s\\n' "$one"; done`,
  );
  return text.split("\n").filter((line) => line !== "");
}
