import { randomUUID } from "node:crypto";
import type { HostConfig, Input, RunOptions, RunResult, Transport } from "./config.js";
import { MacfoundryError } from "./errors.js";
import { CHANGE_LOADER, EXIT_BUSY, EXIT_SUPERSEDED, wholeScript } from "./scripts.js";

/** Where macfoundry keeps its own on a Mac; nothing of ours lies elsewhere (docs/on-the-mac.md). */
export const STATE_DIR = "/var/db/macfoundry";
export const PROGRAM_DIR = "/Library/macfoundry";

/**
 * One Mac as seen from here. Reads run at once; changes run one after the other, each under a lock on the Mac that
 * also keeps an older controller out (docs/decisions.md, "A token fences controllers").
 */
export class Host {
  readonly name: string;
  private readonly token = randomUUID();
  private hasTakenOver = false;
  private queue: Promise<unknown> = Promise.resolve();
  private changeCount = 0;

  constructor(
    readonly config: HostConfig,
    readonly transport: Transport,
  ) {
    this.name = config.name;
  }

  /** Grows with every change, so that a snapshot of facts taken before it is known to be stale. */
  get generation(): number {
    return this.changeCount;
  }

  /** Runs a read-only POSIX sh script as root. Raises COMMAND_FAILED when it exits with a code other than 0. */
  async read(script: string, options?: RunOptions): Promise<string> {
    const result = await this.tryRead(script, options);
    if (result.code !== 0) throw this.failure("read", result);
    return result.stdout.toString("utf8");
  }

  /** The same, but any exit code is a result. */
  tryRead(script: string, options?: RunOptions): Promise<RunResult> {
    return this.transport.run(["/bin/sh", "-s"], wholeScript(script), options);
  }

  /** Runs a script that changes the Mac: one at a time, under the Mac's lock. Raises COMMAND_FAILED, SUPERSEDED, STORE_BUSY. */
  async change(what: string, script: string, options?: RunOptions): Promise<string> {
    const result = await this.tryChange(what, script, options);
    if (result.code !== 0) throw this.failure(what, result);
    return result.stdout.toString("utf8");
  }

  /** The same, but an exit code of the script is a result. */
  tryChange(what: string, script: string, options?: RunOptions): Promise<RunResult> {
    return this.enqueue(() => this.runLocked(what, ["/bin/sh", "-s"], wholeScript(script), options));
  }

  /** Runs `words` with data on standard input, under the lock: for contents that are binary, large or secret. */
  async send(what: string, words: readonly string[], input: Input, options?: RunOptions): Promise<void> {
    const result = await this.enqueue(() => this.runLocked(what, words, input, options));
    if (result.code !== 0) throw this.failure(what, result);
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  private enqueue<T>(task: () => Promise<T>): Promise<T> {
    const run = this.queue.then(task, task);
    this.queue = run.catch(() => undefined);
    return run;
  }

  private async runLocked(
    what: string,
    words: readonly string[],
    input: Input,
    options?: RunOptions,
  ): Promise<RunResult> {
    this.changeCount += 1;
    const mode = this.hasTakenOver ? "keep" : "take";
    const loader = ["/usr/bin/perl", "-e", CHANGE_LOADER, STATE_DIR, this.token, mode, ...words];
    try {
      const result = await this.transport.run(loader, input, options);
      if (result.code === EXIT_SUPERSEDED) {
        throw new MacfoundryError({
          code: "SUPERSEDED",
          host: this.name,
          resource: what,
          cause: "another run of macfoundry has taken over this Mac since we began",
          remedy: "let the other run finish, then run this one again; nothing was changed by this step",
        });
      }
      if (result.code === EXIT_BUSY) {
        throw new MacfoundryError({
          code: "STORE_BUSY",
          host: this.name,
          resource: what,
          cause: `another change holds the Mac's lock: ${result.stderr.toString("utf8").trim()}`,
          remedy: "wait for it to end (`macfoundry status` shows it), then run again",
        });
      }
      this.hasTakenOver = true;
      return result;
    } finally {
      this.changeCount += 1;
    }
  }

  failure(what: string, result: RunResult): MacfoundryError {
    const text = result.stderr.toString("utf8").trim() || result.stdout.toString("utf8").trim().slice(-2000);
    const isFull = /No space left on device/.test(text);
    return new MacfoundryError({
      code: isFull ? "STORE_FULL" : "COMMAND_FAILED",
      host: this.name,
      resource: what,
      cause: `exit status ${result.code}${text === "" ? "" : `: ${lastLines(text, 8)}`}`,
      remedy: isFull
        ? "free space on the Data volume (`df -h /System/Volumes/Data`), then run again: what is done stays done"
        : "read the message above, mend the cause on the Mac, and run again: what is done stays done",
    });
  }
}

function lastLines(text: string, count: number): string {
  return text.split("\n").slice(-count).join("\n");
}
