import { MacfoundryError, isMacfoundryError } from "../errors.js";
import { STATE_DIR, type Host } from "../host.js";
import { locateJob, type JobPlace } from "./plist.js";
import {
  EXIT_LOCK_LOST,
  inputWords,
  renderCancelScript,
  renderCollectAll,
  renderFollowScript,
  renderStartScript,
  secretWords,
  type JobLock,
} from "./scripts.js";

export type { JobLock } from "./scripts.js";

export interface Job {
  /** Names the work, not the attempt: a run that finds a job of this id attaches to it. Letters, digits, `._-`. */
  id: string;
  /** Who runs the script; root without it. */
  user?: { name: string; uid: number } | undefined;
  /** POSIX sh, run by /bin/sh from a file. It finds its folder in `MACFOUNDRY_JOB` (root only). */
  script: string;
  /** Uid whose processes must all be gone after a cancel, when it is not the user's. */
  killUid?: number | undefined;
  /** Only the holder of this lock may start the job; it is kept fresh while the job is followed. */
  lock?: JobLock | undefined;
  /** Jobs that have ended and whose end is known: removed first, without a round trip of their own; this id too, to run it anew. */
  collect?: readonly string[] | undefined;
}

export interface JobHooks {
  /** Pieces of the output from its first byte, as they come; also when attached to a job that runs already. */
  onOutput?: ((chunk: Buffer) => void) | undefined;
  onNote?: ((line: string) => void) | undefined;
  /** Aborting cancels the job on the Mac: its processes are gone before CANCELLED is thrown. */
  signal?: AbortSignal | undefined;
  /** How long a lost connection is tried again; the default is 5 minutes. */
  reconnectMs?: number | undefined;
}

export interface JobEnd {
  /** Exit status of the script; 128 and the signal's number when it was killed. */
  rc: number;
  /** What the script left in `$MACFOUNDRY_JOB/report`. */
  report: string;
  /** True when the job was there already, started by an earlier run. */
  isAttached: boolean;
  outputBytes: number;
}

const FOLLOW_SECONDS = 1200;
const CANCEL_SECONDS = 20;
const RECONNECT_MS = 5 * 60_000;

/**
 * Runs a script on the Mac as a job that outlives the connection and this process: the job of that id is attached to
 * when it runs or has finished, else started. Its folder stays until `collectJobs`, so that a run killed after
 * the end still learns of it. Raises JOB_LOST (a reboot or a kill in the middle), CANCELLED, STORE_BUSY (the lock is
 * somebody else's), and what the connection raises.
 */
export async function runJob(host: Host, job: Job, hooks: JobHooks = {}): Promise<JobEnd> {
  const place = locateJob(STATE_DIR, job.id);
  const follower = new Follower(host, place, job, hooks);
  try {
    hooks.signal?.throwIfAborted();
    let attempt = 0;
    const state = await persist(() => startJob(host, place, job, attempt++ === 0), hooks);
    if (state.wasLost) hooks.onNote?.(`job ${job.id} was lost in a restart of the Mac; it is run again`);
    const end = await follower.follow();
    return { ...end, isAttached: state.isAttached };
  } catch (error) {
    if (hooks.signal?.aborted !== true) throw error;
    await cancelJob(host, job);
    throw new MacfoundryError({
      code: "CANCELLED",
      host: host.name,
      resource: `job ${job.id}`,
      cause: "it was cancelled; none of its processes is left",
      remedy: "run again when you want it: what was finished before stays",
    });
  }
}

/** Keeps data as the standard input of a job that is not started yet. */
export async function sendJobInput(
  host: Host,
  id: string,
  input: NodeJS.ReadableStream | Buffer,
  signal?: AbortSignal,
): Promise<void> {
  await host.send(`input of job ${id}`, inputWords(locateJob(STATE_DIR, id)), input, { timeoutMs: 3_600_000, signal });
}

/** Keeps a secret for a job that is not started yet, in `$MACFOUNDRY_JOB/secrets/<name>` (0600 root). */
export async function sendJobSecret(host: Host, id: string, name: string, value: Buffer): Promise<void> {
  await host.send(`secret of job ${id}`, secretWords(locateJob(STATE_DIR, id), name), value);
}

/** Removes jobs that have ended. */
export async function collectJobs(host: Host, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await host.change("finished jobs", renderCollectAll(ids.map((id) => locateJob(STATE_DIR, id))));
}

/** Kills a job with everything below it, and all of `killUid`; raises COMMAND_TIMED_OUT with the survivors' names. */
export async function cancelJob(host: Host, job: Pick<Job, "id" | "user" | "killUid">): Promise<void> {
  const place = locateJob(STATE_DIR, job.id);
  const uid = job.killUid ?? job.user?.uid;
  const result = await host.tryChange(`cancel job ${job.id}`, renderCancelScript(place, CANCEL_SECONDS, uid));
  if (result.code === 0) return;
  const survivors = result.stdout.toString("utf8").trim();
  if (result.code !== 3 || survivors === "") throw host.failure(`cancel job ${job.id}`, result);
  throw new MacfoundryError({
    code: "COMMAND_TIMED_OUT",
    host: host.name,
    resource: `job ${job.id}`,
    cause: `processes are left ${CANCEL_SECONDS} s after kill -9:\n${survivors}`,
    remedy: "a process that the kernel cannot end waits for a device or a file system: restart the Mac",
  });
}

async function startJob(
  host: Host,
  place: JobPlace,
  job: Job,
  isFirst: boolean,
): Promise<{ isAttached: boolean; wasLost: boolean }> {
  // A start whose answer was lost may have run the job to its end: that end must not be taken for an older one.
  const ids = (job.collect ?? []).filter((id) => isFirst || id !== job.id);
  const collect = ids.map((id) => locateJob(STATE_DIR, id));
  const script = renderStartScript({ place, script: job.script, user: job.user?.name, lock: job.lock, collect });
  const result = await host.tryChange(`job ${job.id}`, script);
  if (result.code === EXIT_LOCK_LOST) {
    throw new MacfoundryError({
      code: "STORE_BUSY",
      host: host.name,
      resource: `job ${job.id}`,
      cause: "another run has taken over this builder since we began",
      remedy: "let the other run finish, then run this one again: what is done stays done",
    });
  }
  if (result.code !== 0) throw host.failure(`job ${job.id}`, result);
  const lines = result.stdout.toString("utf8").trim().split("\n");
  return { isAttached: !lines.includes("started"), wasLost: lines.includes("lost") };
}

/** Reads on from where the last connection ended. */
class Follower {
  private offset = 0;
  /** Bytes came since the connection was last lost: the time of trying again begins anew. */
  private isAlive = true;

  constructor(
    private readonly host: Host,
    private readonly place: JobPlace,
    private readonly job: Job,
    private readonly hooks: JobHooks,
  ) {}

  async follow(): Promise<{ rc: number; report: string; outputBytes: number }> {
    for (;;) {
      const result = await persist(() => this.followOnce(), {
        ...this.hooks,
        isProgressing: () => {
          const wasAlive = this.isAlive;
          this.isAlive = false;
          return wasAlive;
        },
      });
      if (result.code === 0) return { ...parseEnd(result.stderr.toString("utf8")), outputBytes: this.offset };
      if (result.code === 5) continue;
      if (result.code === 3 || result.code === 4) throw this.lost();
      if (result.code === 1 && result.stderr.length === 0) continue;
      throw this.host.failure(`job ${this.place.id}`, result);
    }
  }

  private followOnce(): ReturnType<Host["tryRead"]> {
    return this.host.tryRead(renderFollowScript(this.place, this.offset, FOLLOW_SECONDS, this.job.lock), {
      timeoutMs: (FOLLOW_SECONDS + 120) * 1000,
      signal: this.hooks.signal,
      onStdout: (chunk) => {
        this.offset += chunk.length;
        this.isAlive = true;
        this.hooks.onOutput?.(chunk);
      },
    });
  }

  private lost(): MacfoundryError {
    return new MacfoundryError({
      code: "JOB_LOST",
      host: this.host.name,
      resource: `job ${this.place.id}`,
      cause: "it neither runs nor has finished: the Mac was restarted, or somebody killed it",
      remedy: "run again: what was finished before stays, this step is run anew",
    });
  }
}

export interface Persistence {
  signal?: AbortSignal | undefined;
  onNote?: ((line: string) => void) | undefined;
  reconnectMs?: number | undefined;
  /** Whether the attempt that failed got anywhere: then the time allowed begins anew. */
  isProgressing?: (() => boolean) | undefined;
}

/** Tries again while the Mac cannot be reached: for what may be repeated at no harm. */
export async function persist<T>(task: () => Promise<T>, options: Persistence): Promise<T> {
  let lostSince: number | undefined;
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!isMacfoundryError(error, "HOST_UNREACHABLE") || options.signal?.aborted === true) throw error;
      if (lostSince === undefined || options.isProgressing?.() === true) {
        lostSince = Date.now();
        options.onNote?.("connection lost; work on the Mac goes on, trying to reach it again");
      }
      const lostMs = Date.now() - lostSince;
      if (lostMs > (options.reconnectMs ?? RECONNECT_MS)) throw error;
      await pause(Math.min(500 + lostMs / 4, 10_000), options.signal);
    }
  }
}

function parseEnd(text: string): { rc: number; report: string } {
  const match = /^rc (-?\d+)\n/m.exec(text);
  if (match?.[1] === undefined)
    throw new Error(`the end of a job has no exit status: ${JSON.stringify(text.slice(0, 200))}`);
  return { rc: Number(match[1]), report: text.slice(match.index + match[0].length) };
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
