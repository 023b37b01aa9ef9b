import type { ByteString } from "../spec/bytes.js";

/**
 * The folder name of a cache. Plain ids stay as they are, so that OBuilder's rsync store has the same; others would lead
 * elsewhere or fail there (`a/1`), and are written as its zfs store writes them: `%` and two hex digits.
 */
export function nameCache(id: ByteString): string {
  if (id === "") return "%";
  const escaped = id.replace(/[^A-Za-z0-9._-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return escaped.startsWith(".") ? `%2e${escaped.slice(1)}` : escaped;
}
