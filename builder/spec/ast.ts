import type { ByteString } from "./bytes.js";

/** A spec: builds of its own first, then a base, then ops. Same shape and same words as OBuilder's language. */
export interface Spec {
  readonly builds: readonly NamedBuild[];
  /** Name of the base image. */
  readonly from: ByteString;
  readonly ops: readonly Op[];
}

export interface NamedBuild {
  readonly name: ByteString;
  readonly spec: Spec;
}

export type Op = CommentOp | WorkdirOp | ShellOp | RunOp | CopyOp | UserOp | EnvOp;

export interface CommentOp {
  readonly op: "comment";
  readonly text: ByteString;
}
export interface WorkdirOp {
  readonly op: "workdir";
  readonly path: ByteString;
}
export interface ShellOp {
  readonly op: "shell";
  readonly args: readonly ByteString[];
}
export interface RunOp {
  readonly op: "run";
  readonly cache: readonly Mount[];
  readonly network: readonly ByteString[];
  readonly secrets: readonly Mount[];
  readonly shell: ByteString;
}
export interface CopyOp {
  readonly op: "copy";
  readonly from: CopySource;
  readonly src: readonly ByteString[];
  readonly dst: ByteString;
  readonly exclude: readonly ByteString[];
}
export interface UserOp {
  readonly op: "user";
  readonly user: User;
}
export interface EnvOp {
  readonly op: "env";
  readonly name: ByteString;
  readonly value: ByteString;
}

/** A cache or a secret: its id and where the command finds it. The options are for Dockerfiles only. */
export interface Mount {
  readonly id: ByteString;
  readonly target: ByteString;
  readonly buildkitOptions: readonly (readonly [ByteString, ByteString])[];
}

export type CopySource = { readonly kind: "context" } | { readonly kind: "build"; readonly name: ByteString };

/** `uid` and `gid` are the original's 63-bit integers: beyond what a JavaScript number holds exactly. */
export type User =
  | { readonly kind: "unix"; readonly uid: bigint; readonly gid: bigint }
  | { readonly kind: "windows"; readonly name: ByteString };

/** Where things stand in the source, as byte offsets. Only for specs that were read from a file. */
export class SourceMap {
  readonly #places = new WeakMap<object, { at: number; parts: Map<string, number> }>();

  set(node: object, at: number): void {
    this.#places.set(node, { at, parts: new Map() });
  }

  setPart(node: object, part: string, at: number): void {
    this.#places.get(node)?.parts.set(part, at);
  }

  /** Offset of an op or build, or of a part of it such as `src.0`; the whole op's when the part isn't known. */
  find(node: object, part?: string): number | undefined {
    const place = this.#places.get(node);
    if (place === undefined) return undefined;
    return part === undefined ? place.at : (place.parts.get(part) ?? place.at);
  }
}
