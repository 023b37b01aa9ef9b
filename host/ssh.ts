import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { HostConfig, Input, RunOptions, RunResult, Transport } from "./config.js";
import { MacfoundryError } from "./errors.js";
import { Gate } from "./gate.js";
import { DEFAULT_TIMEOUT_MS, runProcess } from "./process.js";
import { quoteWords } from "./quote.js";
import { knownHostsLine, sshOptions } from "./ssh-arguments.js";
import type { SshPlace } from "./ssh-arguments.js";
import { SSH_FAILED, explainSshFailure, findSudoRefusal } from "./ssh-errors.js";

/** sshd on a Mac takes 42 connections and jump hosts fewer: connect to so many Macs at once. */
const connecting = new Gate(8);
/** sshd's MaxSessions is 10 per connection; one stays free for a person. */
const MAX_SESSIONS = 8;
const CONNECT_TIMEOUT_MS = 30_000;

interface Master {
  place: SshPlace;
  folder: string;
  process: ReturnType<typeof startMaster>;
}

/** One multiplexed connection to a Mac, opened at the first run and again after it was lost. */
export class SshTransport implements Transport {
  private master: Promise<Master> | undefined;
  /** What `master` has become; several sessions may report the end of an older one. */
  private opened: Master | undefined;
  private readonly sessions = new Gate(MAX_SESSIONS);
  private isClosed = false;

  constructor(private readonly host: HostConfig) {}

  async run(words: readonly string[], input: Input, options: RunOptions = {}): Promise<RunResult> {
    return this.sessions.run(() => this.runInSession(words, input, options));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const master = this.master;
    this.master = undefined;
    if (master === undefined) return;
    const opened = await master.catch(() => undefined);
    if (opened !== undefined) await endMaster(opened);
  }

  private async runInSession(words: readonly string[], input: Input, options: RunOptions): Promise<RunResult> {
    const master = await this.connect(options.signal);
    const sudo = this.host.user === "root" ? [] : ["/usr/bin/sudo", "-n", "-H"];
    const command = `exec ${quoteWords([...sudo, ...words])}`;
    // Should the master be gone, ssh would dial by itself: an impossible proxy makes it fail instead.
    const args = [...sshOptions(this.host, master.place), "-o", "ControlMaster=no", "-o", "ProxyCommand=exit 255"];
    const result = await runProcess("ssh", [...args, "--", this.host.address, command], input, options);
    if (result.isCancelled) throw this.cancelled();
    if (result.isTimedOut) throw this.timedOut(options.timeoutMs);
    if (result.code === SSH_FAILED) {
      this.forget(master);
      throw explainSshFailure(this.host, result.stderr.toString("utf8") || "the connection was lost");
    }
    const refusal = findSudoRefusal(this.host, result);
    if (refusal !== undefined) throw refusal;
    return result;
  }

  private connect(signal: AbortSignal | undefined): Promise<Master> {
    if (this.isClosed) return Promise.reject(this.cancelled());
    this.master ??= connecting
      .run(() => this.open(signal))
      .catch((error: unknown) => {
        this.master = undefined;
        throw error;
      });
    return this.master;
  }

  private async open(signal: AbortSignal | undefined): Promise<Master> {
    // Short on purpose: a socket's path may have 104 bytes on macOS, and ssh appends 17 while it connects.
    const folder = await mkdtemp("/tmp/mf-");
    const place = { controlPath: join(folder, "c"), knownHostsFile: join(folder, "k") };
    await writeFile(place.knownHostsFile, knownHostsLine(this.host), { mode: 0o600 });
    const master: Master = { folder, place, process: startMaster(this.host, place) };
    let isOver = false;
    const ended = master.process.then((result) => {
      isOver = true;
      this.forget(master);
      return result;
    });
    const deadline = Date.now() + CONNECT_TIMEOUT_MS;
    while (Date.now() < deadline && !isOver && signal?.aborted !== true) {
      if (await exists(place.controlPath)) {
        this.opened = master;
        return master;
      }
      await Promise.race([sleep(15), ended]);
    }
    await endMaster(master);
    if (signal?.aborted === true) throw this.cancelled();
    throw explainSshFailure(this.host, isOver ? (await ended).stderr : "the connection timed out");
  }

  private forget(master: Master): void {
    if (this.opened === master) {
      this.opened = undefined;
      this.master = undefined;
    }
    void endMaster(master);
  }

  private cancelled(): MacfoundryError {
    return new MacfoundryError({
      code: "CANCELLED",
      host: this.host.name,
      cause: "interrupted",
      remedy: "run again: what is done stays done",
    });
  }

  private timedOut(timeoutMs: number | undefined): MacfoundryError {
    return new MacfoundryError({
      code: "COMMAND_TIMED_OUT",
      host: this.host.name,
      cause: `no end within ${Math.round((timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000)} s`,
      remedy: "look at the Mac (`macfoundry status`); run again when it answers quickly",
    });
  }
}

/** Ends ssh when our end of the pipe is gone: a master must not outlive a controller that was killed with -9. */
const MASTER_KEEPER = `
exec 3<&0
"$@" </dev/null 3<&- &
master=$!
(cat <&3; kill "$master") >/dev/null 2>&1 &
watcher=$!
exec 3<&-
code=0
wait "$master" || code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`;

function startMaster(host: HostConfig, place: SshPlace) {
  const args = ["ssh", ...sshOptions(host, place), "-M", "-N", "--", host.address];
  return execa("/bin/sh", ["-c", MASTER_KEEPER, "sh", ...args], { reject: false, stdin: "pipe", stdout: "ignore" });
}

async function endMaster(master: Master): Promise<void> {
  master.process.stdin.end();
  await master.process.catch(() => undefined);
  await rm(master.folder, { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
