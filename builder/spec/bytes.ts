/**
 * Byte strings. A spec is bytes, not Unicode: ids are hashes of those bytes, so nothing may be re-encoded on the way.
 * A `ByteString` is a JavaScript string whose every code unit is one byte (0 to 255): it compares, slices and joins
 * like text and can't lose a byte that isn't UTF-8.
 */
declare const byteStringTag: unique symbol;
export type ByteString = string & { readonly [byteStringTag]: true };

/** The bytes of a buffer as a byte string. */
export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1") as ByteString;
}

/** Text in the ordinary sense, encoded as UTF-8. */
export function fromText(text: string): ByteString {
  return Buffer.from(text, "utf8").toString("latin1") as ByteString;
}

/** For strings already known to hold one byte per code unit, such as pieces of a byte string or ASCII literals. */
export function asBytes(latin1: string): ByteString {
  return latin1 as ByteString;
}

export function toBytes(bytes: ByteString): Buffer {
  return Buffer.from(bytes, "latin1");
}

/** Text for people and for JSON; `undefined` when the bytes are not UTF-8. */
export function toTextExactly(bytes: ByteString): string | undefined {
  const buffer = toBytes(bytes);
  const text = buffer.toString("utf8");
  return Buffer.from(text, "utf8").equals(buffer) ? text : undefined;
}

/** Text for people: bytes that are not UTF-8 become U+FFFD. */
export function toText(bytes: ByteString): string {
  return toBytes(bytes).toString("utf8");
}

/** Order by byte value, as the original sorts directory entries. */
export function compareBytes(left: ByteString, right: ByteString): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
