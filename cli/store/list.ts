import { listResults, type StoredResult } from "../../builder/store/admin.js";
import { formatKib, formatTable } from "../format.js";
import { UsageError } from "../spec/options.js";
import { print, printJson, type StoreCommand } from "./command.js";
import { listNeeded } from "./survey.js";

/** `store ls`: every result, oldest first; sizes count shared blocks too. */
export const list: StoreCommand = {
  shape: {},
  async run({ host, survey }, options) {
    if (options.words.length > 0) throw new UsageError("ls takes no words");
    const stores = [];
    for (const store of survey.stores) {
      const needed = listNeeded(survey, store.root);
      const results = await listResults(host, store.root);
      stores.push({ ...store, results: results.map((result) => ({ ...result, images: needed.get(result.id) ?? [] })) });
    }
    if (options.has("json")) printJson({ host: host.name, stores });
    else for (const store of stores) print(renderStore(store));
    if (stores.length === 0 && !options.has("json")) print(`${host.name} has no store\n`);
    return 0;
  },
};

type Listed = StoredResult & { images: string[] };

function renderStore(store: { root: string; owner: string | undefined; results: Listed[] }): string {
  const [builder] = store.owner?.split(" ") ?? ["made by another program"];
  const rows = store.results.map((result) => [
    result.id,
    result.parent?.slice(0, 12) ?? "-",
    result.kib === undefined ? "?" : formatKib(result.kib),
    String(result.rc ?? "no row"),
    result.used ?? "-",
    result.isWhole ? result.images.join(" ") : "no tree",
  ]);
  const head = ["id", "parent", "size", "children", "last used (UTC)", "needed by"];
  return `${store.root} (${builder ?? ""}), ${rows.length} results\n${rows.length === 0 ? "" : formatTable([head, ...rows])}`;
}
