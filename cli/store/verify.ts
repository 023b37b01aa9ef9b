import { repairStore, verifyStore, type Damage } from "../../builder/store/admin.js";
import { TREE_PERL } from "../../builder/store/digest.js";
import { quoteWord } from "../../host/quote.js";
import { checkChangeable, imagesNeeding, print, printJson, type StoreCommand, type StoreView } from "./command.js";

/** What only a reading of all contents sees. */
interface DeepDamage {
  kind: "content";
  subject: string;
  detail: string;
}

/** `store verify [--deep]`: changes nothing; 1 when something is not as it should be. */
export const verify: StoreCommand = {
  shape: { deep: "flag" },
  async run(view, options) {
    const stores = [];
    for (const { root } of view.survey.stores) {
      const found: (Damage | DeepDamage)[] = await verifyStore(view.host, root);
      const deep = options.has("deep") ? await verifyContents(view, root) : undefined;
      stores.push({ root, damage: [...found, ...(deep?.damage ?? [])], contentsChecked: deep?.checked ?? 0 });
    }
    const count = stores.reduce((sum, { damage }) => sum + damage.length, 0);
    if (options.has("json")) printJson({ host: view.host.name, ok: count === 0, stores });
    else
      for (const { root, damage, contentsChecked } of stores) {
        const deep = options.has("deep") ? `; contents of ${contentsChecked} trees read` : "";
        print(renderDamage(view, root, damage));
        print(`${root}: ${damage.length === 0 ? "ok" : `${damage.length} found`}${deep}\n`);
      }
    return count === 0 ? 0 : 1;
  },
};

/** `store repair` */
export const repair: StoreCommand = {
  shape: { foreign: "flag" },
  async run(view, options) {
    for (const store of view.survey.stores) await checkChangeable(view, store, options);
    const stores = [];
    for (const { root } of view.survey.stores) {
      const found = await repairStore(view.host, root);
      const left = found.length === 0 ? [] : await verifyStore(view.host, root);
      stores.push({ root, found, left });
    }
    const leftCount = stores.reduce((sum, { left }) => sum + left.length, 0);
    if (options.has("json")) printJson({ host: view.host.name, ok: leftCount === 0, stores });
    else
      for (const { root, found, left } of stores) {
        print(renderDamage(view, root, found));
        print(
          `${root}: ${found.length === 0 ? "nothing to mend" : `mended ${found.length - left.length} of ${found.length}`}\n`,
        );
        if (left.length > 0) print(`left as it is:\n${renderDamage(view, root, left)}`);
      }
    return leftCount === 0 ? 0 : 1;
  },
};

function renderDamage(view: StoreView, root: string, damage: readonly (Damage | DeepDamage)[]): string {
  return damage
    .map(({ kind, subject, detail }) => {
      const images = imagesNeeding(view, root, [subject]);
      return `${kind}: ${subject}: ${detail}${images.length === 0 ? "" : ` (needed by ${images.join(", ")})`}\n`;
    })
    .join("");
}

/**
 * Reads every file of the results that images were published from, and of the publications, and compares with the
 * digest in the receipt. Of other results no digest of contents is kept: making one would mean reading every tree
 * once more after each step.
 */
async function verifyContents(view: StoreView, root: string): Promise<{ damage: DeepDamage[]; checked: number }> {
  const trees = view.survey.receipts
    .filter((receipt) => receipt.root === root)
    .flatMap(({ ids, path, treeDigest }) => {
      const last = ids.at(-1) ?? "";
      return [
        { subject: last, path: `${root}/result/${last}/rootfs`, treeDigest },
        { subject: path, path, treeDigest },
      ];
    });
  if (trees.length === 0) return { damage: [], checked: 0 };
  const program = `${TREE_PERL}\nfor (@ARGV) { print -d $_ ? tree_digest($_) : "missing", "\\n" }`;
  const words = trees.map(({ path }) => quoteWord(path)).join(" ");
  const text = await view.host.read(`/usr/bin/perl -e ${quoteWord(program)} ${words}`, { timeoutMs: 24 * 3_600_000 });
  const digests = text.split("\n");
  const damage = trees.flatMap(({ subject, path, treeDigest }, at): DeepDamage[] => {
    if (digests[at] === treeDigest || digests[at] === "missing") return [];
    return [{ kind: "content", subject, detail: `${path} is not what was published` }];
  });
  return { damage, checked: trees.length };
}
