import type { StoreConfig, StoreMode } from "../../builder/store/layout.js";
import { UsageError } from "../spec/options.js";

/**
 * `rsync:/PATH` or `clone:/PATH`, OBuilder's way to name a store: the folder itself, with nothing put behind it. For the
 * stores of a stack that is `<fleet:store.path>/<builder>`.
 * @throws UsageError
 */
export function parseStore(text: string, mode?: StoreMode): StoreConfig {
  const colon = text.indexOf(":");
  const [engine, place] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  const refuse = (why: string): UsageError => new UsageError(`--store ${text}: ${why}`);
  if (engine !== "rsync" && mode !== undefined) throw refuse("--rsync-mode is for rsync stores");
  if (engine === "zfs") throw refuse("a zfs pool cannot be built into yet; rsync and clone stores can");
  if (engine !== "rsync" && engine !== "clone") throw refuse("a store is rsync:/PATH or clone:/PATH");
  const parts = place.split("/");
  if (!place.startsWith("/") || parts.includes("..") || /[\0\n]/.test(place))
    throw refuse("its path is absolute, without ..");
  const root = `/${parts.filter((part) => part !== "" && part !== ".").join("/")}`;
  if (root === "/") throw refuse("the root folder is no store");
  return engine === "rsync" ? { engine, mode: mode ?? "copy", root } : { engine, root };
}
