/** How a Mac is reached: one entry of the stack's `macfoundry:hosts`, already checked. */
export interface HostConfig {
  name: string;
  /** Name or address, as the OpenSSH client takes it; an alias of the user's ssh_config works too. */
  address: string;
  port: number;
  user: string;
  /** Path of a private key; without one the agent and the user's ssh_config decide. */
  identity?: string | undefined;
  /** The pinned public host key, `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** `[user@]host[:port]`, several separated by commas, as for `ssh -J`. */
  jump?: string | undefined;
  /** True for the Mac one sits at: no SSH, `sudo` only. */
  local?: boolean | undefined;
  /** Leave a Mac that is gone for good out of deletes. */
  deleteUnreachable?: boolean | undefined;
}

export interface RunOptions {
  /** The whole run's bound; the default is 10 minutes. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called with each piece of standard output; the result's `stdout` is then empty. */
  onStdout?: ((chunk: Buffer) => void) | undefined;
}

export interface RunResult {
  code: number;
  stdout: Buffer;
  stderr: Buffer;
}

/**
 * A way to run things as root on one Mac. Every exit code of the script itself is a result, not an error.
 * Raises HOST_UNREACHABLE (also for a connection lost on the way), HOST_KEY_CHANGED, AUTH_DENIED, SUDO_DENIED,
 * COMMAND_TIMED_OUT, CANCELLED.
 */
export interface Transport {
  /** Runs `words` (no shell of ours between) with `input` as standard input. */
  run(words: readonly string[], input: Input, options?: RunOptions): Promise<RunResult>;
  close(): Promise<void>;
}

export type Input = string | Buffer | NodeJS.ReadableStream;
