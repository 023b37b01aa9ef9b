import type { CopyOp, Mount, NamedBuild, Op, RunOp, Spec, User } from "./ast.js";
import { asBytes, type ByteString } from "./bytes.js";
import { quoteForMessage } from "./errors.js";

export type EscapeStyle = "unix" | "windows";

export interface DockerfileOptions {
  /** Mounts for caches and secrets; without, they are left out. */
  readonly buildkit: boolean;
  readonly escape: EscapeStyle;
}

/** `op` is the run whose mounts need a numeric user. */
export type DockerfileResult = { ok: true; text: ByteString } | { ok: false; op: RunOp; message: string };

const BLANKS = " \f\n\r\t";

class UnwritableError extends Error {
  constructor(
    readonly op: RunOp,
    message: string,
  ) {
    super(message);
  }
}

/**
 * A Dockerfile that does about the same: networks and excludes are dropped, nothing but `ENV` values is escaped, each
 * nested build is a stage. Byte for byte what the original writes, each line ended by a newline.
 */
export function printDockerfile(spec: Spec, options: DockerfileOptions): DockerfileResult {
  const lines: string[] = [];
  if (options.escape === "windows") lines.push("#escape=`");
  try {
    const stack: { spec: Spec; name?: ByteString; next: number }[] = [{ spec, next: 0 }];
    for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
      const build: NamedBuild | undefined = top.spec.builds[top.next++];
      if (build !== undefined) {
        stack.push({ spec: build.spec, name: build.name, next: 0 });
        continue;
      }
      writeStage(lines, top.spec, top.name, options);
      stack.pop();
      if (stack.length > 0) lines.push("");
    }
  } catch (error) {
    if (error instanceof UnwritableError) return { ok: false, op: error.op, message: error.message };
    throw error;
  }
  return { ok: true, text: asBytes(lines.map((line) => `${line}\n`).join("")) };
}

function writeStage(lines: string[], spec: Spec, name: ByteString | undefined, options: DockerfileOptions): void {
  lines.push(name === undefined ? `FROM ${spec.from}` : `FROM ${spec.from} as ${name}`);
  let user: User =
    options.escape === "windows"
      ? { kind: "windows", name: asBytes("ContainerAdministrator") }
      : { kind: "unix", uid: 0n, gid: 0n };
  for (const op of spec.ops) {
    if (op.op === "user") user = op.user;
    lines.push(printLine(op, user, options));
  }
}

function printLine(op: Op, user: User, options: DockerfileOptions): string {
  const escape = options.escape === "windows" ? "`" : "\\";
  switch (op.op) {
    case "comment":
      return `# ${op.text}`;
    case "workdir":
      return `WORKDIR ${op.path}`;
    case "shell":
      return `SHELL [ ${op.args.map((arg) => `"${arg}"`).join(", ")} ]`;
    case "run":
      return `RUN ${options.buildkit ? printMounts(op, user) : ""}${wrapCommand(op.shell, escape)}`;
    case "copy":
      return printCopy(op, user);
    case "user":
      return user.kind === "unix" ? `USER ${user.uid}:${user.gid}` : `USER ${user.name}`;
    case "env":
      return `ENV ${op.name}="${escapeValue(op.value, escape)}"`;
  }
}

function printMounts(op: RunOp, user: User): string {
  const mounts = [
    ...op.secrets.map((mount) => ({ type: "secret", mount })),
    ...op.cache.map((mount) => ({ type: "cache", mount })),
  ];
  return mounts.map(({ type, mount }) => `${printMount(type, mount, user, op)} `).join("");
}

function printMount(type: string, mount: Mount, user: User, op: RunOp): string {
  if (user.kind === "windows") {
    throw new UnwritableError(op, `the ${type} ${quoteForMessage(mount.id)} needs a user with a number, not a name`);
  }
  const options = mount.buildkitOptions.map(([key, value]) => `,${key}=${value}`).join("");
  return `--mount=type=${type},id=${mount.id},target=${mount.target},uid=${user.uid}${options}`;
}

function printCopy(op: CopyOp, user: User): string {
  const isRoot = user.kind === "unix" && user.uid === 0n && user.gid === 0n;
  const chown = user.kind === "unix" && !isRoot ? `--chown=${user.uid}:${user.gid} ` : "";
  const from = op.from.kind === "build" ? `--from=${op.from.name} ` : "";
  return `COPY ${chown}${from}${op.src.join(" ")} ${op.dst}`;
}

function wrapCommand(command: ByteString, escape: string): string {
  return command.split("\n").map(trimBlanks).join(` ${escape}\n    `);
}

/** OCaml's `String.trim`: space, FF, LF, CR and TAB, not VT or NBSP. */
function trimBlanks(line: string): string {
  let start = 0;
  let end = line.length;
  while (start < end && BLANKS.includes(line.charAt(start))) start++;
  while (end > start && BLANKS.includes(line.charAt(end - 1))) end--;
  return line.slice(start, end);
}

function escapeValue(value: ByteString, escape: string): string {
  return value.replace(/["\\`]/g, (byte) => (byte === '"' || byte === escape ? `${escape}${byte}` : byte));
}
