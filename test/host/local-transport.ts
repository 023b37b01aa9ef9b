import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Input, RunOptions, RunResult, Transport } from "../../host/config.js";
import { MacfoundryError } from "../../host/errors.js";

/** Runs the words on this machine, as root: the host layer without a network. `cut()` is a connection that breaks. */
export class LocalTransport implements Transport {
  private readonly running = new Set<() => void>();
  private cutUntil = 0;
  runs = 0;

  /** `before` goes in front of every command, as `nsenter …`. */
  constructor(private readonly before: readonly string[] = []) {}

  /** Ends every run as a broken connection would, and refuses new ones for a while. */
  cut(forMs: number): void {
    this.cutUntil = Date.now() + forMs;
    for (const end of this.running) end();
  }

  run(words: readonly string[], input: Input, options: RunOptions = {}): Promise<RunResult> {
    this.runs += 1;
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted === true) return reject(options.signal.reason as Error);
      if (Date.now() < this.cutUntil) return reject(unreachable());
      const [program = "", ...rest] = [...this.before, ...words];
      const child = spawn(program, rest, { stdio: "pipe", cwd: "/" });
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      let failure: Error | undefined;
      const end = (error: Error) => {
        failure ??= error;
        child.stdout.destroy();
        child.stderr.destroy();
        child.kill("SIGKILL");
      };
      const cut = () => end(unreachable());
      const onAbort = () => end(options.signal?.reason as Error);
      const timer = setTimeout(
        () => end(new MacfoundryError({ code: "COMMAND_TIMED_OUT", cause: "too slow", remedy: "-" })),
        options.timeoutMs ?? 600_000,
      );
      this.running.add(cut);
      options.signal?.addEventListener("abort", onAbort, { once: true });
      child.stdout.on("data", (chunk: Buffer) =>
        options.onStdout === undefined ? stdout.push(chunk) : options.onStdout(chunk),
      );
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      child.stdin.on("error", () => undefined);
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        this.running.delete(cut);
        options.signal?.removeEventListener("abort", onAbort);
        if (failure !== undefined) return reject(failure);
        resolve({
          code: code ?? (signal === null ? 255 : 137),
          stdout: Buffer.concat(stdout),
          stderr: Buffer.concat(stderr),
        });
      });
      if (typeof input === "string" || Buffer.isBuffer(input)) child.stdin.end(input);
      else (input as Readable).pipe(child.stdin);
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function unreachable(): MacfoundryError {
  return new MacfoundryError({ code: "HOST_UNREACHABLE", host: "here", cause: "the connection was cut", remedy: "-" });
}
