import { createHash } from "node:crypto";
import type { CopyPlan } from "../ids/ids.js";
import { asBytes, type ByteString } from "../spec/bytes.js";
import { listCopyEntries } from "./entries.js";
import type { Entry, EntryKind, SourceTree } from "./tree.js";

/**
 * A tree that is only thought of: a base's files with copies laid over them, without a byte being written. It answers
 * what a copy out of a nested build would find, as far as bases and copies decide it.
 *
 * Trees never change: `withCopy` gives a new one that shares what is the same. Directories of a base are read when
 * they are looked into.
 */
export class VirtualTree implements SourceTree {
  private constructor(private readonly root: DirNode) {}

  static empty(): VirtualTree {
    return new VirtualTree(DirNode.empty());
  }

  static of(base: SourceTree): VirtualTree {
    return new VirtualTree(baseDirectory(base, asBytes("")));
  }

  /** The tree after a copy, by the rules tar extracts by: what is in the way is replaced, full directories stay. */
  withCopy(plan: CopyPlan): VirtualTree {
    const owner = {};
    const root = this.root.editable(owner);
    for (const { name, source } of listCopyEntries(plan)) {
      const parts = name === "" ? [] : name.split("/").map(asBytes);
      // tar leaves members with such names alone.
      if (parts.includes(asBytes(".."))) continue;
      const node: Node =
        source === undefined || source.kind === "dir"
          ? DirNode.empty(owner)
          : source.kind === "symlink"
            ? { kind: "symlink", target: source.target }
            : { kind: "file", hash: () => source.sha256 };
      place(root, parts, node, owner);
    }
    return new VirtualTree(root);
  }

  lookAt(path: ByteString): Entry | undefined {
    const node = this.#find(path);
    return node && { kind: node.kind, size: 0, mtimeSeconds: 0, isExecutable: false };
  }

  listNames(path: ByteString): readonly ByteString[] {
    const node = this.#find(path);
    return node instanceof DirNode ? [...node.entries.keys()] : [];
  }

  readLink(path: ByteString): ByteString {
    const node = this.#find(path);
    return node?.kind === "symlink" ? node.target : asBytes("");
  }

  hashFile(path: ByteString): string | Promise<string> {
    const node = this.#find(path);
    return node?.kind === "file" ? node.hash() : createHash("sha256").digest("hex");
  }

  #find(path: ByteString): Node | undefined {
    let node: Node | undefined = this.root;
    for (const part of path === "" ? [] : path.split("/")) {
      node = node instanceof DirNode ? node.entries.get(asBytes(part)) : undefined;
    }
    return node;
  }
}

type Node =
  | DirNode
  | { readonly kind: "file"; readonly hash: () => string | Promise<string> }
  | { readonly kind: "symlink"; readonly target: ByteString }
  | { readonly kind: Extract<EntryKind, "other"> };

/**
 * A directory. Only the change that made it (its owner) may alter it, until that change is done: adding many files to
 * one directory then copies its list once and not once for each.
 */
class DirNode {
  readonly kind = "dir";
  #entries: Map<ByteString, Node> | undefined;

  constructor(
    private readonly load: () => Map<ByteString, Node>,
    private readonly owner?: object,
  ) {}

  static empty(owner?: object): DirNode {
    return new DirNode(() => new Map(), owner);
  }

  get entries(): ReadonlyMap<ByteString, Node> {
    return this.#loaded();
  }

  editable(owner: object): DirNode {
    return this.owner === owner ? this : new DirNode(() => new Map(this.entries), owner);
  }

  set(owner: object, name: ByteString, node: Node): void {
    if (this.owner !== owner) throw new Error("a finished tree is never altered");
    this.#loaded().set(name, node);
  }

  #loaded(): Map<ByteString, Node> {
    this.#entries ??= this.load();
    return this.#entries;
  }
}

function baseDirectory(base: SourceTree, path: ByteString): DirNode {
  return new DirNode(() => {
    const entries = new Map<ByteString, Node>();
    for (const name of base.listNames(path)) {
      entries.set(name, baseNode(base, path === "" ? name : asBytes(`${path}/${name}`)));
    }
    return entries;
  });
}

function baseNode(base: SourceTree, path: ByteString): Node {
  switch (base.lookAt(path)?.kind) {
    case "dir":
      return baseDirectory(base, path);
    case "file":
      return { kind: "file", hash: () => base.hashFile(path) };
    case "symlink":
      return { kind: "symlink", target: base.readLink(path) };
    default:
      return { kind: "other" };
  }
}

/** Nothing happens where tar couldn't put it: a file is on the way, or links lead round in a circle. */
function place(root: DirNode, parts: readonly ByteString[], node: Node, owner: object): void {
  const name = parts[parts.length - 1];
  const path = name === undefined ? undefined : resolveDirectory(root, parts.slice(0, -1));
  if (name === undefined || path === undefined) return;
  let parent = root;
  for (const part of path) {
    const child = parent.entries.get(part);
    const next = child instanceof DirNode ? child.editable(owner) : DirNode.empty(owner);
    if (next !== child) parent.set(owner, part, next);
    parent = next;
  }
  const old = parent.entries.get(name);
  if (old instanceof DirNode && (node instanceof DirNode || old.entries.size > 0)) return;
  parent.set(owner, name, node);
}

/** Where a path leads once links on the way are followed, the root being `/`; missing directories count as there. */
function resolveDirectory(root: DirNode, parts: readonly ByteString[]): ByteString[] | undefined {
  const pending = [...parts].reverse();
  const nodes: Node[] = [root];
  const names: ByteString[] = [];
  for (let links = 0; pending.length > 0;) {
    const part = pending.pop() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (names.pop() !== undefined) nodes.pop();
      continue;
    }
    const parent = nodes[nodes.length - 1];
    const node = parent instanceof DirNode ? parent.entries.get(asBytes(part)) : undefined;
    if (node?.kind === "symlink") {
      if (++links > 40) return undefined;
      if (node.target.startsWith("/")) {
        nodes.length = 1;
        names.length = 0;
      }
      pending.push(...node.target.split("/").map(asBytes).reverse());
    } else if (node === undefined || node instanceof DirNode) {
      names.push(asBytes(part));
      nodes.push(node ?? DirNode.empty());
    } else {
      return undefined;
    }
  }
  return names;
}
