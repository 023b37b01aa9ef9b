import { showLog } from "../../builder/store/admin.js";
import { quoteWord } from "../../host/quote.js";
import { formatKib, formatTable } from "../format.js";
import { writeOut } from "../write-out.js";
import { UsageError, type Options } from "../spec/options.js";
import { findResult, imagesNeeding, noSuchResult, print, printJson, type StoreCommand } from "./command.js";

/** `store show ID` */
export const show: StoreCommand = {
  shape: {},
  async run(view, options) {
    const text = takeId(options);
    const found = await findResult(view, text);
    if (found === undefined) throw noSuchResult(view.host.name, text);
    const { id, store, results } = found;
    const result = results.find((one) => one.id === id);
    const folder = `${store.root}/result/${id}`;
    const env = await view.host.read(`cat ${quoteWord(`${folder}/env`)} 2>/dev/null || :`);
    const facts = {
      id,
      store: store.root,
      rootfs: `${folder}/rootfs`,
      isWhole: result?.isWhole ?? false,
      created: result?.created,
      used: result?.used,
      kib: result?.kib,
      rc: result?.rc,
      parents: chainAbove(results, id),
      children: results.filter(({ parent }) => parent === id).map((child) => child.id),
      images: imagesNeeding(view, store.root, [id]),
      env,
    };
    if (options.has("json")) printJson(facts);
    else print(render(facts));
    return 0;
  },
};

/** `store log ID`: the step's bytes as they were. */
export const log: StoreCommand = {
  shape: {},
  async run(view, options) {
    const text = takeId(options);
    const found = await findResult(view, text);
    if (found === undefined) throw noSuchResult(view.host.name, text);
    await showLog(view.host, found.store.root, found.id, writeOut);
    return 0;
  },
};

function takeId(options: Options): string {
  const [id, extra] = options.words;
  if (id === undefined || extra !== undefined) throw new UsageError("one ID is needed");
  return id;
}

/** Its parent first, the base last. */
function chainAbove(results: readonly { id: string; parent: string | undefined }[], id: string): string[] {
  const byId = new Map(results.map((result) => [result.id, result.parent]));
  const chain: string[] = [];
  for (let at = byId.get(id); at !== undefined && !chain.includes(at); at = byId.get(at)) chain.push(at);
  return chain;
}

function render(facts: {
  id: string;
  rootfs: string;
  isWhole: boolean;
  created: string | undefined;
  used: string | undefined;
  kib: number | undefined;
  parents: string[];
  children: string[];
  images: string[];
  env: string;
}): string {
  return formatTable([
    ["id", facts.id],
    ["tree", facts.isWhole ? facts.rootfs : `${facts.rootfs} is missing`],
    ["created", facts.created ?? "unknown: the database has no row"],
    ["last used", facts.used ?? "unknown"],
    ["on disk", facts.kib === undefined ? "unknown" : `${formatKib(facts.kib)}, shared blocks included`],
    ["built on", facts.parents.join(" ") || "nothing: a base"],
    ["children", facts.children.join(" ") || "none"],
    ["needed by", facts.images.join(" ") || "no published image"],
    ["env of base", facts.env.trim() || "no env file"],
  ]);
}
