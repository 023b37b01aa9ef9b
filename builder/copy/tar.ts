import { createHash } from "node:crypto";
import { MacfoundryError } from "../../host/errors.js";
import type { CopyPlan, Manifest } from "../ids/ids.js";
import type { User } from "../spec/ast.js";
import { asBytes, toBytes, toText, type ByteString } from "../spec/bytes.js";
import { listCopyEntries } from "./entries.js";
import type { Entry, ReadableTree } from "./tree.js";

const BLOCK = 512;
const NAME_BYTES = 100;
/** Ids above this don't fit the seven octal digits of a header and are told in a pax header before it. */
const MAX_HEADER_ID = 0o7777777n;
const MAX_HEADER_SIZE = 0o77777777777n;
const LONG_NAME = asBytes("././@LongLink");
/** The only Windows account OBuilder gives a number. */
const CONTAINER_ADMINISTRATOR = 380929n;

interface Header {
  readonly name: ByteString;
  readonly mode: number;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly size: bigint;
  readonly mtimeSeconds: bigint;
  readonly type: "0" | "2" | "K" | "L" | "x";
  readonly link: ByteString;
  /** Name of both user and group. */
  readonly owner: ByteString;
}

/**
 * The tar stream of a copy, byte for byte as OBuilder (v0.7.0 and later) sends it. Files are never held whole in
 * memory. Unlike the original it looks at what it sends: a file that no longer is what the step's id says ends the
 * stream with an error, before the end marks.
 */
export async function* streamCopy(tree: ReadableTree, plan: CopyPlan, user: User): AsyncGenerator<Buffer> {
  const owner = ownerOf(user);
  for (const { name, source } of listCopyEntries(plan)) {
    if (source === undefined) {
      yield headerBlocks({ ...owner, ...fileFields(asBytes(`${name}/`), 0o755), mtimeSeconds: 0n });
      continue;
    }
    const entry = tree.lookAt(source.path);
    if (entry?.kind !== source.kind) throw changedError(source);
    const mtimeSeconds = BigInt(entry.mtimeSeconds);
    if (source.kind === "dir") {
      // Type 0 and a slash, not type 5: that is what the original's library writes for a directory.
      yield headerBlocks({ ...owner, ...fileFields(asBytes(`${name}/`), 0o755), mtimeSeconds });
    } else if (source.kind === "symlink") {
      const fields = { ...fileFields(name, 0o777), type: "2" as const, link: source.target };
      yield headerBlocks({ ...owner, ...fields, mtimeSeconds });
    } else {
      const fields = fileFields(name, entry.isExecutable ? 0o755 : 0o644);
      yield headerBlocks({ ...owner, ...fields, mtimeSeconds, size: BigInt(entry.size) });
      yield* fileBlocks(tree, source, entry);
    }
  }
  yield Buffer.alloc(2 * BLOCK);
}

function fileFields(name: ByteString, mode: number): Pick<Header, "name" | "mode" | "size" | "type" | "link"> {
  return { name, mode, size: 0n, type: "0", link: asBytes("") };
}

function ownerOf(user: User): Pick<Header, "uid" | "gid" | "owner"> {
  if (user.kind === "unix") return { uid: user.uid, gid: user.gid, owner: asBytes("") };
  const isAdministrator = user.name === "ContainerAdministrator";
  const id = isAdministrator ? CONTAINER_ADMINISTRATOR : 0n;
  return { uid: id, gid: id, owner: isAdministrator ? user.name : asBytes("") };
}

async function* fileBlocks(
  tree: ReadableTree,
  source: Manifest & { kind: "file" },
  entry: Entry,
): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  let sent = 0;
  if (entry.size > 0) {
    for await (const chunk of tree.readFile(source.path)) {
      sent += chunk.length;
      if (sent > entry.size) throw changedError(source);
      hash.update(chunk);
      yield chunk;
    }
  }
  if (sent !== entry.size || hash.digest("hex") !== source.sha256) throw changedError(source);
  const padding = (BLOCK - (sent % BLOCK)) % BLOCK;
  if (padding > 0) yield Buffer.alloc(padding);
}

function changedError(source: Manifest): MacfoundryError {
  return new MacfoundryError({
    code: "SOURCE_INVALID",
    resource: `copy source ${JSON.stringify(toText(source.path))}`,
    cause: "it changed while it was being copied",
    remedy: "build again when nothing writes to the source directory",
  });
}

function headerBlocks(header: Header): Buffer {
  const blocks: Buffer[] = [];
  if (header.size > MAX_HEADER_SIZE || header.uid > MAX_HEADER_ID || header.gid > MAX_HEADER_ID) {
    blocks.push(...paxBlocks(header));
  }
  if (header.link.length > NAME_BYTES) blocks.push(...longBlocks("K", header.link));
  if (header.name.length > NAME_BYTES) blocks.push(...longBlocks("L", header.name));
  blocks.push(headerBlock(header));
  return blocks.length === 1 ? (blocks[0] ?? Buffer.alloc(0)) : Buffer.concat(blocks);
}

function longBlocks(type: "K" | "L", text: ByteString): Buffer[] {
  const size = BigInt(text.length + 1);
  const common = { mode: 0, uid: 0n, gid: 0n, mtimeSeconds: 0n, link: asBytes(""), owner: asBytes("root") };
  return [headerBlock({ ...common, name: LONG_NAME, size, type }), padBlock(toBytes(asBytes(`${text}\0`)))];
}

function paxBlocks(header: Header): Buffer[] {
  const records = [`gid=${header.gid}`, `size=${header.size}`, `uid=${header.uid}`].map(paxRecord).join("");
  const body = Buffer.from(records);
  const common = { uid: 0n, gid: 0n, mtimeSeconds: 0n, link: asBytes(""), owner: asBytes("") };
  const size = BigInt(body.length);
  return [headerBlock({ ...common, name: asBytes("paxheader"), mode: 0o400, size, type: "x" }), padBlock(body)];
}

/** The original writes the length of a record in eight digits, zeros in front. */
function paxRecord(text: string): string {
  return `${String(text.length + 10).padStart(8, "0")} ${text}\n`;
}

function padBlock(bytes: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(bytes.length / BLOCK) * BLOCK);
  bytes.copy(padded);
  return padded;
}

function headerBlock(header: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  toBytes(header.name).copy(block, 0, 0, NAME_BYTES);
  writeOctal(block, 100, 8, BigInt(header.mode));
  writeOctal(block, 108, 8, header.uid);
  writeOctal(block, 116, 8, header.gid);
  writeOctal(block, 124, 12, header.size);
  writeOctal(block, 136, 12, header.mtimeSeconds);
  block.write(header.type, 156, "latin1");
  toBytes(header.link).copy(block, 157, 0, NAME_BYTES);
  block.write("ustar  \0", 257, "latin1");
  toBytes(header.owner).copy(block, 265, 0, 32);
  toBytes(header.owner).copy(block, 297, 0, 32);
  block.fill(" ", 148, 156);
  writeOctal(block, 148, 8, BigInt(block.reduce((sum, byte) => sum + byte, 0)));
  return block;
}

/** Digits, zeros in front, then NUL; what is too long is cut at the end of the field, as in the original. */
function writeOctal(block: Buffer, at: number, length: number, value: bigint): void {
  const digits = BigInt.asUintN(63, value)
    .toString(8)
    .padStart(length - 1, "0");
  block.write(`${digits}\0`.slice(0, length), at, "latin1");
}
