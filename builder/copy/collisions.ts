import type { CopyPlan } from "../ids/ids.js";
import { toText, type ByteString } from "../spec/bytes.js";
import { listCopyEntries } from "./entries.js";

/**
 * Two entries of a copy that are one file on a Mac's usual volume, where `README` and `readme`, and composed and
 * decomposed accents, are the same name (APFS, case-insensitive: names are compared after normalising and folding).
 * The second would silently replace the first. The same name twice is no collision: the original allows it.
 */
export function findCollision(plan: CopyPlan): readonly [ByteString, ByteString] | undefined {
  const seen = new Map<string, ByteString>();
  for (const { name } of listCopyEntries(plan)) {
    const key = foldName(name);
    const other = seen.get(key);
    if (other === undefined) seen.set(key, name);
    else if (other !== name) return [other, name];
  }
  return undefined;
}

/** Folding upper before lower case also unites letters such as ß and SS, which differ in lower case only. */
function foldName(name: ByteString): string {
  return toText(name).normalize("NFD").toUpperCase().toLowerCase().normalize("NFD");
}
