import type { HostConfig, Input, RunOptions, RunResult, Transport } from "./config.js";
import { MacfoundryError } from "./errors.js";
import { DEFAULT_TIMEOUT_MS, runProcess } from "./process.js";
import { findSudoRefusal } from "./ssh-errors.js";

/** The Mac one sits at: the same words, without SSH. */
export class LocalTransport implements Transport {
  constructor(private readonly host: HostConfig) {}

  async run(words: readonly string[], input: Input, options: RunOptions = {}): Promise<RunResult> {
    const sudo = process.getuid?.() === 0 ? [] : ["/usr/bin/sudo", "-n", "-H"];
    const [command = "", ...args] = [...sudo, ...words];
    const result = await runProcess(command, args, input, options);
    if (result.isCancelled || result.isTimedOut) {
      throw new MacfoundryError({
        code: result.isCancelled ? "CANCELLED" : "COMMAND_TIMED_OUT",
        host: this.host.name,
        cause: result.isCancelled
          ? "interrupted"
          : `no end within ${Math.round((options.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000)} s`,
        remedy: "run again: what is done stays done",
      });
    }
    const refusal = findSudoRefusal(this.host, result);
    if (refusal !== undefined) throw refusal;
    return result;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
