import type { Op, User } from "../spec/ast.js";
import { asBytes, type ByteString } from "../spec/bytes.js";
import type { EnvPair } from "./ids.js";

/** `master` covers v0.7.0 and later. The language is the same in all; two defaults and one rule differ. */
export type IdCompat = "0.5" | "0.6" | "master";

/** What ops change and steps see. Values are never altered in place. */
export interface BuildContext {
  readonly env: readonly EnvPair[];
  readonly user: User;
  readonly workdir: ByteString;
  readonly shell: readonly ByteString[];
  readonly compat: IdCompat;
}

/** What a build starts with when nothing else is said: OBuilder's defaults of that version. */
export function defaultContext(compat: IdCompat = "master"): BuildContext {
  const shell = compat === "0.5" ? ["/bin/bash", "-c"] : ["/usr/bin/env", "bash", "-c"];
  return {
    env: [],
    user: { kind: "unix", uid: 0n, gid: 0n },
    workdir: asBytes("/"),
    shell: shell.map(asBytes),
    compat,
  };
}

/** The context after an op. Runs and copies leave it as it is. */
export function applyOp(context: BuildContext, op: Op): BuildContext {
  switch (op.op) {
    case "workdir":
      return { ...context, workdir: changeWorkdir(context, op.path) };
    case "shell":
      return { ...context, shell: op.args };
    case "user":
      return { ...context, user: op.user };
    case "env":
      return { ...context, env: setEnv(context.env, op.name, op.value) };
    case "comment":
    case "run":
    case "copy":
      return context;
  }
}

/** The newest pair comes first, and only the first pair of the same name goes: a base may have named it twice. */
function setEnv(env: readonly EnvPair[], name: ByteString, value: ByteString): EnvPair[] {
  const old = env.findIndex(([key]) => key === name);
  return [[name, value], ...env.filter((_, index) => index !== old)];
}

/** Nothing is normalised: `..`, doubled slashes and `.` stay and are part of the ids. */
function changeWorkdir(context: BuildContext, path: ByteString): ByteString {
  const { workdir, compat } = context;
  if (path.startsWith("/")) return path;
  if (compat !== "master") return asBytes(`${workdir}/${path}`);
  // Since v0.7.0 a drive letter makes a path absolute on every platform, for workdir but not for copy.
  return /^[A-Za-z]:[/\\]/.test(path) ? path : joinPath(workdir, path);
}

/** Where a copy goes. The same in all versions: neither the old rule for workdir nor drive letters hold here. */
export function resolveDestination(context: BuildContext, dst: ByteString): ByteString {
  return dst.startsWith("/") ? dst : joinPath(context.workdir, dst);
}

function joinPath(directory: ByteString, path: ByteString): ByteString {
  return asBytes(directory === "" || directory.endsWith("/") ? directory + path : `${directory}/${path}`);
}
