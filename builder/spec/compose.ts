import {
  SourceMap,
  type CommentOp,
  type CopyOp,
  type EnvOp,
  type Mount,
  type NamedBuild,
  type Op,
  type RunOp,
  type ShellOp,
  type Spec,
  type UserOp,
  type WorkdirOp,
} from "./ast.js";
import { fromBytes, fromText, type ByteString } from "./bytes.js";
import { Findings } from "./findings.js";
import { checkScope } from "./scope.js";

/** Text is taken as UTF-8; bytes are taken as they are. */
export type Text = string | Uint8Array;

function bytesOf(text: Text): ByteString {
  return typeof text === "string" ? fromText(text) : fromBytes(text);
}

export interface MountOptions {
  readonly target: Text;
  /** For Dockerfiles with BuildKit only. */
  readonly buildkitOptions?: readonly (readonly [Text, Text])[];
}

/** A spec, or a build inside one; `checkSpec` checks the outermost. */
export function stage(
  base: { readonly from: Text; readonly builds?: Readonly<Record<string, Spec>> | readonly NamedBuild[] },
  ops: readonly Op[],
): Spec {
  return { builds: namedBuilds(base.builds ?? []), from: bytesOf(base.from), ops };
}

/**
 * Checks the names a finished spec copies from.
 * @throws RangeError naming every copy whose build isn't in scope
 */
export function checkSpec(spec: Spec): Spec {
  const findings = new Findings();
  checkScope(spec, findings, new SourceMap());
  if (findings.all.length > 0) throw new RangeError(findings.all.map(({ message }) => message).join("; "));
  return spec;
}

function namedBuilds(builds: Readonly<Record<string, Spec>> | readonly NamedBuild[]): NamedBuild[] {
  if (Array.isArray(builds)) return [...(builds as readonly NamedBuild[])];
  return Object.entries(builds as Readonly<Record<string, Spec>>).map(([name, spec]) => ({
    name: fromText(name),
    spec,
  }));
}

export function comment(text: Text): CommentOp {
  return { op: "comment", text: bytesOf(text) };
}

export function workdir(path: Text): WorkdirOp {
  return { op: "workdir", path: bytesOf(path) };
}

/** The program and arguments the commands that follow are handed to, as one further argument. */
export function shell(...args: readonly Text[]): ShellOp {
  return { op: "shell", args: args.map(bytesOf) };
}

export function run(
  command: Text,
  options: {
    readonly cache?: Readonly<Record<string, MountOptions | Text>>;
    readonly network?: readonly Text[];
    readonly secrets?: Readonly<Record<string, MountOptions | Text>>;
  } = {},
): RunOp {
  return {
    op: "run",
    cache: mounts(options.cache),
    network: (options.network ?? []).map(bytesOf),
    secrets: mounts(options.secrets),
    shell: bytesOf(command),
  };
}

export function copy(
  src: Text | readonly Text[],
  dst: Text,
  options: { readonly from?: string; readonly exclude?: readonly Text[] } = {},
): CopyOp {
  const sources: readonly Text[] = typeof src === "string" || src instanceof Uint8Array ? [src] : src;
  return {
    op: "copy",
    from: options.from === undefined ? { kind: "context" } : { kind: "build", name: fromText(options.from) },
    src: sources.map(bytesOf),
    dst: bytesOf(dst),
    exclude: (options.exclude ?? []).map(bytesOf),
  };
}

const INT_MAX = (1n << 62n) - 1n;

/** @throws RangeError for numbers the language can't hold (63 bits) or that aren't whole */
export function user(uid: number | bigint, gid: number | bigint): UserOp {
  const [wholeUid, wholeGid] = [BigInt(uid), BigInt(gid)];
  for (const id of [wholeUid, wholeGid]) {
    if (id > INT_MAX || id < -INT_MAX - 1n) throw new RangeError(`user: ${id} does not fit 63 bits`);
  }
  return { op: "user", user: { kind: "unix", uid: wholeUid, gid: wholeGid } };
}

export function userName(name: Text): UserOp {
  return { op: "user", user: { kind: "windows", name: bytesOf(name) } };
}

export function env(name: Text, value: Text): EnvOp {
  return { op: "env", name: bytesOf(name), value: bytesOf(value) };
}

function mounts(named: Readonly<Record<string, MountOptions | Text>> = {}): Mount[] {
  return Object.entries(named).map(([id, mount]) => {
    const options: MountOptions = typeof mount === "string" || mount instanceof Uint8Array ? { target: mount } : mount;
    return {
      id: fromText(id),
      target: bytesOf(options.target),
      buildkitOptions: (options.buildkitOptions ?? []).map(([key, value]) => [bytesOf(key), bytesOf(value)] as const),
    };
  });
}
