import type { CopyOp } from "../spec/ast.js";
import { asBytes, compareBytes, toText, type ByteString } from "../spec/bytes.js";
import { escapeText } from "../spec/print.js";
import type { CopyPlan, Manifest } from "../ids/ids.js";
import type { Entry, SourceTree } from "./tree.js";

/** `part` names the part of the op that is to blame, as in `SourceMap.find`: `src.0`, `src`, `dst`. */
export interface CopyRefusal {
  readonly message: string;
  readonly part: string;
}
export type PlanResult = { ok: true; plan: CopyPlan } | ({ ok: false } & CopyRefusal);
export type ManifestResult = { ok: true; item: Manifest } | { ok: false; message: string };

class Refusal extends Error {}

/** How long hashing may keep everything else waiting. */
const BREATHE_AFTER_MS = 50;

/**
 * What a copy is going to copy: the sources described, and whether they go into the destination or become it. `dst` is
 * the destination already joined to the workdir. The first source that fails decides.
 */
export async function planCopy(tree: SourceTree, op: CopyOp, dst: ByteString): Promise<PlanResult> {
  const items: Manifest[] = [];
  for (const [index, src] of op.src.entries()) {
    const result = await describeSource(tree, src, op.exclude);
    if (!result.ok) return { ok: false, message: result.message, part: `src.${index}` };
    items.push(result.item);
  }
  const [item] = items;
  if (item === undefined) return { ok: false, message: "No source items for copy!", part: "src" };
  if (dst.endsWith("/")) return { ok: true, plan: { kind: "into", items, dst } };
  if (items.length === 1) return { ok: true, plan: { kind: "as", item, dst } };
  return { ok: false, message: "When copying multiple items, the destination must end with '/'", part: "dst" };
}

/**
 * Describes one source. Excluded are entries by their own name, at every depth, but never the source itself. Links are
 * not followed. Messages are the original's.
 */
export async function describeSource(
  tree: SourceTree,
  src: ByteString,
  exclude: readonly ByteString[],
): Promise<ManifestResult> {
  try {
    const path = checkPath(tree, src);
    return { ok: true, item: await describe(tree, path, new Set(exclude), { since: Date.now() }) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, message: error.message };
    if (isSystemError(error)) return { ok: false, message: `Can't read source ${quote(src)}: ${error.code}` };
    throw error;
  }
}

function checkPath(tree: SourceTree, src: ByteString): ByteString {
  const parts = src.split("/").map(asBytes);
  const taken: ByteString[] = [];
  const refuse = (message: string): never => {
    throw new Refusal(`${message} (in ${quote(src)})`);
  };
  for (const [index, part] of parts.entries()) {
    if (part === "" || part === ".") continue;
    if (part === "..") refuse("Can't use .. in source paths!");
    taken.push(part);
    // A NUL can't be part of a name, so nothing is there; the system would refuse the call.
    const entry = part.includes("\0") ? undefined : lookAt(tree, asBytes(taken.join("/")));
    if (entry === undefined) throw new Refusal(`Source path ${quote(src)} not found`);
    const isLast = index === parts.length - 1;
    if (entry.kind === "dir" || (isLast && entry.kind !== "other")) continue;
    const shown = toText(asBytes([...taken].reverse().join("/")));
    refuse(entry.kind === "file" ? `Not a directory: ${shown}` : `Not a regular file: ${shown}`);
  }
  return asBytes(taken.join("/"));
}

function lookAt(tree: SourceTree, path: ByteString): Entry | undefined {
  try {
    return tree.lookAt(path);
  } catch (error) {
    if (isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR")) return undefined;
    throw error;
  }
}

async function describe(
  tree: SourceTree,
  path: ByteString,
  exclude: ReadonlySet<ByteString>,
  breath: { since: number },
): Promise<Manifest> {
  if (Date.now() - breath.since > BREATHE_AFTER_MS) {
    // Connections have to be kept alive while a big source is described.
    await new Promise((resolve) => setImmediate(resolve));
    breath.since = Date.now();
  }
  const kind = tree.lookAt(path)?.kind;
  if (kind === undefined) throw new Refusal(`File ${quote(path)} not found in source directory`);
  if (kind === "file") return { kind, path, sha256: await tree.hashFile(path) };
  if (kind === "symlink") return { kind, path, target: tree.readLink(path) };
  if (kind === "other") throw new Refusal(`Unsupported file type for ${quote(path)}`);
  const names = tree.listNames(path).filter((name) => !exclude.has(name));
  const entries: Manifest[] = [];
  for (const name of [...names].sort(compareBytes)) {
    entries.push(await describe(tree, path === "" ? name : asBytes(`${path}/${name}`), exclude, breath));
  }
  return { kind, path, entries };
}

/** As OCaml's `%S`. */
function quote(text: ByteString): string {
  return `"${escapeText(text)}"`;
}

function isSystemError(error: unknown): error is { code: string } {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string";
}
