import { execa } from "execa";
import type { Input, RunOptions, RunResult } from "./config.js";

export const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** What one run may print before it is ended: a wild command must not fill the controller's memory. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Between the polite and the final signal. */
const KILL_AFTER_MS = 2_000;

export interface ProcessResult extends RunResult {
  isTimedOut: boolean;
  isCancelled: boolean;
}

/** Runs one program on the controller; never raises for its exit code. */
export async function runProcess(
  command: string,
  args: readonly string[],
  input: Input,
  options: RunOptions = {},
): Promise<ProcessResult> {
  const { onStdout, signal } = options;
  const subprocess = execa(command, args, {
    ...(typeof input === "string" || Buffer.isBuffer(input) ? { input } : { stdin: "pipe" }),
    encoding: "buffer",
    stripFinalNewline: false,
    reject: false,
    buffer: { stdout: onStdout === undefined, stderr: true },
    maxBuffer: MAX_OUTPUT_BYTES,
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    forceKillAfterDelay: KILL_AFTER_MS,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (onStdout !== undefined) subprocess.stdout.on("data", onStdout);
  if (typeof input !== "string" && !Buffer.isBuffer(input)) pipeInput(input, subprocess.stdin);
  // ssh hands its streams to the master, which holds them as long as the command on the Mac runs: don't wait for that.
  subprocess.once("exit", () => {
    if (!subprocess.killed) return;
    subprocess.stdout.destroy();
    subprocess.stderr.destroy();
  });
  const result = await subprocess;
  return {
    code: result.exitCode ?? 255,
    stdout: toBuffer(result.stdout),
    stderr: toBuffer(result.stderr),
    isTimedOut: result.timedOut,
    isCancelled: result.isCanceled,
  };
}

/** A reader that ends early (EPIPE) is told by its exit code, not by an error of the pipe. */
function pipeInput(input: NodeJS.ReadableStream, stdin: NodeJS.WritableStream | null): void {
  if (stdin === null) return;
  stdin.on("error", () => input.unpipe(stdin));
  input.pipe(stdin);
}

function toBuffer(output: unknown): Buffer {
  return output instanceof Uint8Array ? Buffer.from(output) : Buffer.alloc(0);
}
