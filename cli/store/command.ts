import { listResults, type StoredResult } from "../../builder/store/admin.js";
import { builderLock, renderPeek } from "../../builder/store/lock.js";
import { parseOpen } from "../../builder/store/open.js";
import { MacfoundryError } from "../../host/errors.js";
import type { Host } from "../../host/host.js";
import { HOST_OPTIONS } from "../hosts/open.js";
import { loadStackHosts } from "../hosts/stack.js";
import { UsageError, type OptionShape, type Options } from "../spec/options.js";
import { matchIds } from "./choose.js";
import { parseStore } from "./locate.js";
import { listNeeded, surveyStores, type FoundStore, type StoreSurvey } from "./survey.js";

/** Options of every command of a store. */
export const STORE_OPTIONS = { ...HOST_OPTIONS, store: "value", json: "flag" } as const satisfies OptionShape;

/** One `macfoundry store COMMAND`. */
export interface StoreCommand {
  readonly shape: OptionShape;
  run(view: StoreView, options: Options): Promise<number>;
}

/** The stores that a command line means. */
export interface StoreView {
  readonly host: Host;
  readonly survey: StoreSurvey;
  /** Named by `--store`, which may also name a folder of stores. */
  readonly isNamed: boolean;
}

export async function openView(host: Host, options: Options): Promise<StoreView> {
  const named = options.value("store");
  const places = named === undefined ? stackPlaces(options) : [parseStore(named).root];
  return { host, survey: await surveyStores(host, places, named !== undefined), isNamed: named !== undefined };
}

function stackPlaces(options: Options): string[] {
  if (options.value("host") === undefined) return [];
  const { storePath } = loadStackHosts(options.value("stack"), process.env);
  return storePath === undefined ? [] : [storePath];
}

/** A result that a person named by its id or the beginning of it. */
export interface FoundResult {
  store: FoundStore;
  results: StoredResult[];
  id: string;
}

/** Undefined when no store has it. @throws UsageError for text that is no id or means several results */
export async function findResult(view: StoreView, text: string): Promise<FoundResult | undefined> {
  if (!/^[0-9a-f]{6,64}$/.test(text))
    throw new UsageError(`${JSON.stringify(text)} is no id: 6 to 64 digits of 0-9a-f are needed`);
  const found: FoundResult[] = [];
  for (const store of view.survey.stores) {
    const results = await listResults(view.host, store.root);
    found.push(...matchIds(results, text).map((id) => ({ store, results, id })));
  }
  if (found.length > 1) {
    const all = found.map(({ store, id }) => `${id} in ${store.root}`).join(", ");
    throw new UsageError(`${text} means several results (${all}): give more of the id, or --store`);
  }
  return found[0];
}

export function noSuchResult(host: string, text: string): MacfoundryError {
  return new MacfoundryError({
    code: "CONFIG_INVALID",
    host,
    resource: `result ${text}`,
    cause: "no store has it",
    remedy: "`macfoundry store ls` lists the results that there are",
  });
}

/**
 * May this store be changed? What another program made may be in its use: it is changed only when that is said. A builder
 * that is held is looked at before anything is changed, since a change takes the Mac over from the run that holds it.
 * Raises NOT_OWNED and STORE_BUSY.
 */
export async function checkChangeable(view: StoreView, store: FoundStore, options: Options): Promise<void> {
  const { host } = view;
  const place = { host: host.name, resource: `store ${store.root}` };
  if (store.owner === undefined) {
    if (options.has("foreign")) return;
    throw new MacfoundryError({
      code: "NOT_OWNED",
      ...place,
      cause: "macfoundry did not make it, and an OBuilder or a worker may be using it",
      remedy: "stop what uses it, then say --foreign",
    });
  }
  const uid = Number(store.owner.split(" ")[1]);
  const { busy } = parseOpen(await host.read(renderPeek(builderLock(uid, "-"))));
  if (busy === undefined) return;
  throw new MacfoundryError({
    code: "STORE_BUSY",
    ...place,
    cause: `a build uses it: ${busy.who}`,
    remedy: "wait for that build to end (`macfoundry status` shows it), then run again; nothing was changed",
  });
}

/** `image@recipe` of the images that need a result; empty for none. */
export function imagesNeeding(view: StoreView, root: string, ids: readonly string[]): string[] {
  const needed = listNeeded(view.survey, root);
  return [...new Set(ids.flatMap((id) => needed.get(id) ?? []))];
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function print(text: string): void {
  process.stdout.write(text);
}
