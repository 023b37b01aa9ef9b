import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { asBytes, toBytes, type ByteString } from "../spec/bytes.js";

/** What a path in a source is. `mtimeSeconds` is rounded toward zero, `size` is in bytes. */
export type EntryKind = "file" | "dir" | "symlink" | "other";
export interface Entry {
  readonly kind: EntryKind;
  readonly size: number;
  readonly mtimeSeconds: number;
  /** One of the three x bits is set. */
  readonly isExecutable: boolean;
}

/** A tree that can be copied from. Paths are relative to its root, without slashes at the ends; "" is the root. */
export interface SourceTree {
  /** Links are not followed. Undefined when nothing is there. */
  lookAt(path: ByteString): Entry | undefined;
  /** Names in a directory, in no particular order. */
  listNames(path: ByteString): readonly ByteString[];
  readLink(path: ByteString): ByteString;
  /** Lower-case hex. */
  hashFile(path: ByteString): string | Promise<string>;
}

/** A tree whose files can be sent, too. */
export interface ReadableTree extends SourceTree {
  readFile(path: ByteString): AsyncIterable<Buffer>;
}

/** Files up to this size are read in one go: for a tree of small files that is several times faster. */
const SMALL_FILE_BYTES = 256 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** A directory of this machine. Names are bytes: they needn't be UTF-8. */
export class DiskTree implements ReadableTree {
  readonly #root: Buffer;

  constructor(root: string) {
    // With a slash the root itself may be a link, as the original allows; nothing below it is followed.
    this.#root = Buffer.from(`${root}/`);
  }

  lookAt(path: ByteString): Entry | undefined {
    const stat = fs.lstatSync(this.#locate(path), { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const kind = stat.isDirectory() ? "dir" : stat.isFile() ? "file" : stat.isSymbolicLink() ? "symlink" : "other";
    return {
      kind,
      size: stat.size,
      mtimeSeconds: Math.trunc(stat.mtimeMs / 1000),
      isExecutable: (stat.mode & 0o111) !== 0,
    };
  }

  listNames(path: ByteString): readonly ByteString[] {
    return fs.readdirSync(this.#locate(path), { encoding: "latin1" }).map(asBytes);
  }

  readLink(path: ByteString): ByteString {
    return asBytes(fs.readlinkSync(this.#locate(path), { encoding: "latin1" }));
  }

  hashFile(path: ByteString): string | Promise<string> {
    const file = this.#locate(path);
    const hash = createHash("sha256");
    const size = fs.lstatSync(file).size;
    // Files of /proc and the like say 0 and hold more, so the content is read to its end in either case.
    if (size <= SMALL_FILE_BYTES) return hash.update(fs.readFileSync(file)).digest("hex");
    return (async () => {
      for await (const chunk of readChunks(file)) hash.update(chunk);
      return hash.digest("hex");
    })();
  }

  readFile(path: ByteString): AsyncIterable<Buffer> {
    return readChunks(this.#locate(path));
  }

  #locate(path: ByteString): Buffer {
    return Buffer.concat([this.#root, toBytes(path)]);
  }
}

async function* readChunks(file: Buffer): AsyncGenerator<Buffer> {
  // O_NOFOLLOW: what was a file when it was described must not be a link when it is read.
  const handle = await fs.promises.open(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
