import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as fsp from "node:fs/promises";
import * as path from "node:path";
import { hashObject, PackWriter, type ObjectKind } from "./pack.js";
import { sourceError, type PinnedGit } from "./sources.js";

/** Nothing of the user's or the repository's own settings may change what is read, or run a program. */
const GIT_ARGUMENTS = ["-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"];
const FETCH_TIMEOUT_MS = 30 * 60_000;

/**
 * Writes the commit with all its trees and files (no parents, no submodules) as a pack to `target`. Every object is
 * hashed here, so that the pack can only be that commit. Raises SOURCE_INVALID.
 */
export async function packCommit(
  source: PinnedGit,
  target: string,
  cacheFolder: string,
  signal?: AbortSignal,
): Promise<void> {
  const repository = path.isAbsolute(source.git) ? source.git : await mirrorCommit(source, cacheFolder, signal);
  await requireCommit(source, repository, signal);
  const names = await listObjects(source, repository, signal);
  const file = fs.openSync(target, "w", 0o644);
  try {
    const output = new FileWriter(file);
    const writer = new PackWriter((chunk) => output.write(chunk), names.length);
    await readObjects(source, repository, names, signal, (kind, content) => writer.add(kind, content));
    writer.finish();
    output.flush();
  } finally {
    fs.closeSync(file);
  }
}

async function requireCommit(source: PinnedGit, repository: string, signal?: AbortSignal): Promise<void> {
  const result = await git(["-C", repository, "cat-file", "-t", source.commit], { signal });
  if (result.code === 0 && result.stdout.toString().trim() === "commit") return;
  const said = result.code === 0 ? `it is a ${result.stdout.toString().trim()}` : lastLine(result.stderr);
  throw sourceError(
    source.name,
    `${source.git} has no commit ${source.commit} (${said})`,
    "fetch it there, or correct git and commit in fleet:sources",
  );
}

/** The commit first, then trees and files in the order of their names. */
async function listObjects(source: PinnedGit, repository: string, signal?: AbortSignal): Promise<string[]> {
  const words = ["-C", repository, "rev-list", "--objects", "--no-walk", "--no-object-names", source.commit];
  const result = await git(words, { signal });
  if (result.code !== 0) throw incomplete(source, lastLine(result.stderr));
  const names = new Set(
    result.stdout
      .toString("latin1")
      .split("\n")
      .filter((name) => name !== ""),
  );
  names.delete(source.commit);
  return [source.commit, ...[...names].sort()];
}

function incomplete(source: PinnedGit, said: string): Error {
  const remedy = `run \`git -C ${source.git} fsck\`, or clone it again`;
  return sourceError(source.name, `commit ${source.commit} is incomplete in ${source.git}: ${said}`, remedy);
}

async function readObjects(
  source: PinnedGit,
  repository: string,
  names: readonly string[],
  signal: AbortSignal | undefined,
  use: (kind: ObjectKind, content: Buffer) => void,
): Promise<void> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let wantedBytes = 1;
  let next = 0;
  // Objects come as `NAME KIND SIZE\n` + content + `\n`, in the order asked for.
  const take = (chunk: Buffer): void => {
    rest.push(chunk);
    restBytes += chunk.length;
    if (restBytes < wantedBytes) return;
    let buffer = Buffer.concat(rest);
    for (;;) {
      const lineEnd = buffer.indexOf(10);
      if (lineEnd === -1) {
        wantedBytes = buffer.length + 1;
        break;
      }
      const [name = "", kind = "", size = ""] = buffer.toString("latin1", 0, lineEnd).split(" ");
      if (kind === "missing" || size === "") throw incomplete(source, `object ${name} is missing`);
      const end = lineEnd + 1 + Number(size);
      if (buffer.length <= end) {
        wantedBytes = end + 1;
        break;
      }
      const content = buffer.subarray(lineEnd + 1, end);
      if (name !== names[next] || hashObject(kind as ObjectKind, content) !== name) {
        throw incomplete(source, `object ${names[next] ?? name} is damaged`);
      }
      use(kind as ObjectKind, content);
      next += 1;
      buffer = buffer.subarray(end + 1);
    }
    rest = [buffer];
    restBytes = buffer.length;
  };
  const input = names.map((name) => `${name}\n`).join("");
  const result = await git(["-C", repository, "cat-file", "--batch"], { signal, input, onStdout: take });
  if (result.code !== 0) throw incomplete(source, lastLine(result.stderr));
  if (next !== names.length) throw incomplete(source, `git gave ${next} of ${names.length} objects`);
}

/** One bare repository per address in the cache; only what is not there yet is fetched. */
async function mirrorCommit(source: PinnedGit, cacheFolder: string, signal?: AbortSignal): Promise<string> {
  const mirror = path.join(cacheFolder, "git", createHash("sha256").update(source.git).digest("hex").slice(0, 32));
  await fsp.mkdir(mirror, { recursive: true, mode: 0o700 });
  await git(["init", "-q", "--bare", mirror], { signal });
  const has = await git(["-C", mirror, "cat-file", "-e", `${source.commit}^{tree}`], { signal });
  if (has.code === 0) return mirror;
  const fetch = (what: string, depth: readonly string[]): ReturnType<typeof git> => {
    const words = ["-C", mirror, "fetch", "-q", "--no-tags", "--no-write-fetch-head", ...depth, "--", source.git, what];
    return git(words, { signal, timeoutMs: FETCH_TIMEOUT_MS });
  };
  let result = await fetch(source.commit, ["--depth=1"]);
  if (result.code !== 0 && source.ref !== undefined) result = await fetch(source.ref, []);
  if (result.code === 0) return mirror;
  const hint = source.ref === undefined ? ", and give ref: a branch or tag that has the commit" : "";
  throw sourceError(
    source.name,
    `commit ${source.commit} could not be fetched: ${lastLine(result.stderr)}`,
    `check the address, the network and your rights there${hint}`,
  );
}

interface GitResult {
  code: number;
  stdout: Buffer;
  stderr: Buffer;
}

interface GitOptions {
  signal?: AbortSignal | undefined;
  input?: string | undefined;
  timeoutMs?: number | undefined;
  onStdout?: ((chunk: Buffer) => void) | undefined;
}

function git(words: readonly string[], options: GitOptions): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", [...GIT_ARGUMENTS, ...words], {
      env: gitEnvironment(),
      timeout: options.timeoutMs ?? 10 * 60_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      if (options.onStdout === undefined) return void stdout.push(chunk);
      try {
        options.onStdout(chunk);
      } catch (error) {
        child.stdout.removeAllListeners("data");
        child.kill("SIGKILL");
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (error) => reject(describeSpawnError(error)));
    child.on("close", (code) => {
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) });
    });
    // git may end before it has read everything; its exit status tells why.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

/** Without what points git elsewhere, as in a hook (`GIT_DIR` and the like). */
function gitEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_") || name.startsWith("GIT_SSH"));
  return { ...Object.fromEntries(kept), GIT_TERMINAL_PROMPT: "0", GIT_NO_REPLACE_OBJECTS: "1", LC_ALL: "C" };
}

function describeSpawnError(error: NodeJS.ErrnoException): Error {
  if (error.name === "AbortError") return error;
  return sourceError("git", `git cannot be run: ${error.code ?? error.message}`, "install git on this machine");
}

function lastLine(text: Buffer): string {
  return text.toString("utf8").trim().split("\n").at(-1) ?? "";
}

/** Gathers small pieces, since a pack is made of very many; `flush` writes the last of them. */
class FileWriter {
  private pieces: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly file: number) {}

  write(chunk: Buffer): void {
    this.pieces.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes >= 1 << 20) this.flush();
  }

  flush(): void {
    const all = Buffer.concat(this.pieces);
    for (let at = 0; at < all.length;) at += fs.writeSync(this.file, all, at);
    this.pieces = [];
    this.bytes = 0;
  }
}
