import { createHash, type Hash } from "node:crypto";

/**
 * A git pack of whole objects, each stored without compression. git's own packs differ by version, threads and zlib;
 * this one is a function of the objects alone, so that a copy step has the same id whoever made its context.
 * Format: gitformat-pack(5).
 */

export type ObjectKind = "commit" | "tree" | "blob" | "tag";

const KIND_NUMBERS: Readonly<Record<ObjectKind, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };

export class PackWriter {
  private readonly hash: Hash = createHash("sha1");

  /** `write` gets the pack's bytes in order. `count` objects must follow. */
  constructor(
    private readonly write: (chunk: Buffer) => void,
    count: number,
  ) {
    const header = Buffer.alloc(12);
    header.write("PACK", "latin1");
    header.writeUInt32BE(2, 4);
    header.writeUInt32BE(count, 8);
    this.put(header);
  }

  add(kind: ObjectKind, content: Buffer): void {
    this.put(encodeHeader(KIND_NUMBERS[kind], content.length));
    for (const chunk of storeZlib(content)) this.put(chunk);
  }

  /** Writes the checksum, and returns it in hex. */
  finish(): string {
    const sum = this.hash.digest();
    this.write(sum);
    return sum.toString("hex");
  }

  private put(chunk: Buffer): void {
    this.hash.update(chunk);
    this.write(chunk);
  }
}

/** Name of an object, which is the hash of its kind, size and content. */
export function hashObject(kind: ObjectKind, content: Buffer): string {
  return createHash("sha1").update(`${kind} ${content.length}\0`).update(content).digest("hex");
}

/** Kind in bits 4 to 6 of the first byte; the size's low 4 bits there, 7 more in each byte that follows. */
function encodeHeader(kindNumber: number, size: number): Buffer {
  const bytes: number[] = [];
  let rest = Math.floor(size / 16);
  bytes.push((kindNumber << 4) | (size % 16) | (rest > 0 ? 0x80 : 0));
  while (rest > 0) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(low | (rest > 0 ? 0x80 : 0));
  }
  return Buffer.from(bytes);
}

const MAX_BLOCK_BYTES = 0xffff;

/** zlib's format with stored blocks only (RFC 1950, RFC 1951 section 3.2.4). */
function* storeZlib(content: Buffer): Generator<Buffer> {
  yield Buffer.from([0x78, 0x01]);
  for (let start = 0; start === 0 || start < content.length; start += MAX_BLOCK_BYTES) {
    const block = content.subarray(start, start + MAX_BLOCK_BYTES);
    const head = Buffer.alloc(5);
    head.writeUInt8(start + MAX_BLOCK_BYTES >= content.length ? 1 : 0);
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(block.length ^ 0xffff, 3);
    yield head;
    yield block;
  }
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(adler32(content));
  yield sum;
}

const ADLER_MODULUS = 65521;
/** The most additions before a 32-bit sum could overflow. */
const ADLER_RUN = 5552;

function adler32(content: Buffer): number {
  let a = 1;
  let b = 0;
  for (let start = 0; start < content.length; start += ADLER_RUN) {
    const end = Math.min(start + ADLER_RUN, content.length);
    for (let i = start; i < end; i++) {
      a += content[i] ?? 0;
      b += a;
    }
    a %= ADLER_MODULUS;
    b %= ADLER_MODULUS;
  }
  return b * 65536 + a;
}
