import type { CopyOp, Mount, Op, RunOp, Spec, User } from "./ast.js";
import { asBytes, type ByteString } from "./bytes.js";
import { printHum, printMach } from "./print.js";
import type { Sexp } from "./sexp.js";

const word = asBytes;

/** The canonical form of a spec as a value: fields in their fixed order, empty ones and a context source left out. */
export function specToSexp(spec: Spec): Sexp {
  const root: Sexp[] = [];
  const pending: { spec: Spec; into: Sexp[] }[] = [{ spec, into: root }];
  for (let job = pending.pop(); job !== undefined; job = pending.pop()) {
    for (const build of job.spec.builds) {
      const into: Sexp[] = [];
      job.into.push([word("build"), build.name, into]);
      pending.push({ spec: build.spec, into });
    }
    job.into.push([word("from"), job.spec.from]);
    for (const op of job.spec.ops) job.into.push(opToSexp(op));
  }
  return root;
}

export function opToSexp(op: Op): readonly Sexp[] {
  switch (op.op) {
    case "comment":
      return [word("comment"), op.text];
    case "workdir":
      return [word("workdir"), op.path];
    case "shell":
      return [word("shell"), ...op.args];
    case "run":
      return [word("run"), ...runFields(op)];
    case "copy":
      return [word("copy"), ...copyFields(op)];
    case "user":
      return [word("user"), ...userToSexp(op.user)];
    case "env":
      return [word("env"), op.name, op.value];
  }
}

/** `((uid N)(gid M))` or `((name N))`: in the user op and in the ids. */
export function userToSexp(user: User): readonly Sexp[] {
  if (user.kind === "windows") return [[word("name"), user.name]];
  return [
    [word("uid"), word(String(user.uid))],
    [word("gid"), word(String(user.gid))],
  ];
}

function runFields(op: RunOp): Sexp[] {
  return [
    ...unlessEmpty("cache", op.cache.map(mountToSexp)),
    ...unlessEmpty("network", op.network),
    ...unlessEmpty("secrets", op.secrets.map(mountToSexp)),
    [word("shell"), op.shell],
  ];
}

function copyFields(op: CopyOp): Sexp[] {
  return [
    ...(op.from.kind === "build" ? [[word("from"), [word("build"), op.from.name]]] : []),
    [word("src"), ...op.src],
    [word("dst"), op.dst],
    ...unlessEmpty("exclude", op.exclude),
  ];
}

function mountToSexp(mount: Mount): Sexp {
  const options = mount.buildkitOptions;
  return [
    mount.id,
    [word("target"), mount.target],
    ...(options.length === 0 ? [] : [[word("buildkit_options"), options]]),
  ];
}

function unlessEmpty(name: string, values: readonly Sexp[]): Sexp[] {
  return values.length === 0 ? [] : [[word(name), ...values]];
}

/** The canonical text of a spec: the machine form, always ASCII; reading it back gives the same spec. */
export function printSpecMach(spec: Spec): ByteString {
  return printMach(specToSexp(spec));
}

export function printSpecHum(spec: Spec): ByteString {
  return printHum(specToSexp(spec));
}
