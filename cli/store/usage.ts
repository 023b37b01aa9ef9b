import { measureStore } from "../../builder/store/admin.js";
import { quoteWord } from "../../host/quote.js";
import { formatKib, formatTable } from "../format.js";
import { print, printJson, type StoreCommand } from "./command.js";
import { measureVolume } from "./space.js";

const PARTS = ["result", "cache", "result-tmp", "cache-tmp", "trash", "state"] as const;

/** `store du`: in one look for each store, so that files with several names count once. */
export const du: StoreCommand = {
  shape: {},
  async run({ host, survey }, options) {
    const stores = [];
    for (const { root } of survey.stores) {
      const text = await host.read(
        `cd ${quoteWord(root)} && du -skx ${PARTS.map((part) => quoteWord(part)).join(" ")} 2>/dev/null || :`,
        { timeoutMs: 3_600_000 },
      );
      const kib = Object.fromEntries(
        [...text.matchAll(/^(\d+)\s+(\S+)$/gm)].map(([, size = "", part = ""]) => [part, Number(size)]),
      );
      stores.push({ root, kib, totalKib: Object.values(kib).reduce((sum, size) => sum + size, 0) });
    }
    if (options.has("json")) printJson({ host: host.name, stores });
    else
      for (const { root, kib, totalKib } of stores) {
        const rows = Object.entries(kib).map(([part, size]) => [formatKib(size), part]);
        print(`${root}\n${formatTable([...rows, [formatKib(totalKib), "in all"]])}`);
      }
    return 0;
  },
};

/** `store df` */
export const df: StoreCommand = {
  shape: {},
  async run({ host, survey }, options) {
    const stores = [];
    for (const { root } of survey.stores) {
      const { storeKib } = await measureStore(host, root);
      stores.push({ root, storeKib, ...(await measureVolume(host, root)) });
    }
    if (options.has("json")) printJson({ host: host.name, stores });
    else
      print(
        formatTable([
          ["store", "its size", "volume used", "volume free", "free %"],
          ...stores.map((store) => [
            store.root,
            formatKib(store.storeKib),
            formatKib(store.usedKib),
            formatKib(store.freeKib),
            store.freePercent.toFixed(1),
          ]),
        ]),
      );
    return 0;
  },
};
