import { deleteResult } from "../../builder/store/admin.js";
import { MacfoundryError } from "../../host/errors.js";
import { formatKib } from "../format.js";
import { UsageError } from "../spec/options.js";
import { listDescendants } from "./choose.js";
import { checkChangeable, findResult, imagesNeeding, print, printJson, type StoreCommand } from "./command.js";
import { measureFreed, emptyTrash } from "./space.js";

const TRASH_SECONDS = 600;

/**
 * `store delete ID…`: each with all that was built on it, children first. As with OBuilder an unknown id is no failure.
 * Nothing is removed when one of them is refused.
 */
export const remove: StoreCommand = {
  shape: { "with-published": "flag", foreign: "flag" },
  async run(view, options) {
    if (options.words.length === 0) throw new UsageError("an ID is missing");
    const unknown: string[] = [];
    const wanted = [];
    for (const text of options.words) {
      const found = await findResult(view, text);
      if (found === undefined) {
        unknown.push(text);
        continue;
      }
      await checkChangeable(view, found.store, options);
      const ids = listDescendants(found.results, found.id);
      const images = imagesNeeding(view, found.store.root, ids);
      if (images.length > 0 && !options.has("with-published")) throw refuse(view.host.name, found.id, images);
      wanted.push({ ...found, ids, images });
    }
    const removed = [];
    for (const { id, ids, store, images } of wanted) {
      const sizes = await measureFreed(
        view.host,
        store.root,
        ids.map((one) => `result/${one}`),
      );
      const gone = await deleteResult(view.host, store.root, id);
      const isTrashEmpty = await emptyTrash(view.host, store.root, TRASH_SECONDS);
      removed.push({ root: store.root, removed: gone, freedKib: sizes.at(-1) ?? 0, images, isTrashEmpty });
    }
    if (options.has("json")) {
      printJson({ host: view.host.name, unknown, stores: removed });
      return 0;
    }
    for (const text of unknown) process.stderr.write(`macfoundry store: no store has a result ${text}\n`);
    for (const { root, removed: gone, freedKib, images, isTrashEmpty } of removed) {
      for (const id of gone) print(`Removing ${id}\n`);
      print(
        `Removed ${gone.length} items of ${root}; freed ${formatKib(freedKib)} (less where copy-on-write clones share blocks)\n`,
      );
      if (images.length > 0)
        print(`Images that needed them: ${images.join(", ")}; the next update builds those steps anew\n`);
      if (!isTrashEmpty) print("The removal goes on in the background\n");
    }
    return 0;
  },
};

function refuse(host: string, id: string, images: readonly string[]): MacfoundryError {
  return new MacfoundryError({
    code: "NOT_OWNED",
    host,
    resource: `result ${id.slice(0, 12)}`,
    cause: `published images need it or what was built on it: ${images.join(", ")}`,
    remedy:
      "say --with-published to remove it all the same: the published folders stay, and the next update builds those steps anew",
  });
}
