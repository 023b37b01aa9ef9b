import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import type { Readable } from "node:stream";
import { MacfoundryError, isMacfoundryError, type ErrorCode } from "../../host/errors.js";
import { cancelJob, persist, runJob, sendJobInput, sendJobSecret, type JobLock } from "../../host/jobs/jobs.js";
import type { StepId } from "../ids/index.js";
import { deleteRowSql, descendantsSql } from "../store/database.js";
import { selectEngine, type StoreEngine } from "../store/engine.js";
import { installCloneHelper } from "../store/helper.js";
import { builderLock, renderPeek } from "../store/lock.js";
import { parseOpen, renderOpen, renderRemove, type StoreFacts } from "../store/open.js";
import type { BuildRequest } from "./build.js";
import type { BuildEvents } from "./events.js";
import { jobFailed } from "./failure.js";
import { renderFinishScript } from "./finish.js";
import { parseReport, type JobReport } from "./report.js";
import { renderRestoreScript, type JobContext } from "./step-script.js";

const WAIT_MS = 10 * 60_000;
const TAIL_BYTES = 16_384;

export interface StageJob {
  id: StepId;
  title: string;
  script: string;
  /** Only asked for when the job is not there yet. */
  input?: (() => { stream: Readable; done: Promise<unknown> }) | undefined;
  /** Values in the order of the job's secret files. */
  secrets?: readonly Buffer[] | undefined;
}

export interface StageEnd {
  rc: number;
  report: JobReport;
  /** The end of the output, for an error. */
  tail: string;
}

/** One build's hold on a builder and its store: from taking the lock to letting it go. */
export class BuildSession {
  readonly engine: StoreEngine;
  /** The result that home and prefix are known to hold; undefined when they may hold anything. */
  trees: StepId | undefined;
  /** Results of the store that were used without being built, for the database. */
  readonly hits: { id: StepId; parent: StepId | undefined }[] = [];
  private readonly lock: JobLock;
  private readonly ended = new Set<string>();
  private known: StoreFacts | undefined;
  private hasRun = false;

  constructor(
    readonly request: BuildRequest,
    readonly events: BuildEvents,
    readonly signal: AbortSignal | undefined,
  ) {
    this.lock = builderLock(request.builder.uid, randomUUID());
    this.engine = selectEngine(request.store);
  }

  get facts(): StoreFacts {
    if (this.known === undefined) throw new Error("the session is not open");
    return this.known;
  }

  get context(): JobContext {
    const { store, builder, isAdopting, crashDir } = this.request;
    return {
      store,
      builder,
      engine: this.engine,
      tmpDir: this.facts.tmpDir,
      isAdopting: isAdopting ?? false,
      crashDir,
    };
  }

  /** Takes the lock, waiting for another build of this builder; raises STORE_BUSY. */
  async open(): Promise<void> {
    const { host, store, builder } = this.request;
    const who = this.request.who ?? `${userInfo().username}@${hostname()}`;
    const script = renderOpen(store, builder, this.engine, this.lock, who);
    if (this.engine.name === "clone") await this.persist(() => installCloneHelper(host));
    const since = Date.now();
    for (;;) {
      this.signal?.throwIfAborted();
      const busy =
        parseOpen(await this.persist(() => host.read(renderPeek(this.lock)))).busy ?? (await this.take(script));
      if (busy === undefined) return;
      if (Date.now() - since > (this.request.waitMs ?? WAIT_MS)) throw this.busy(busy.who);
      this.events.onNote?.(`builder ${builder.name} is in use by ${busy.who}; waiting for it`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  private async take(script: string): Promise<StoreFacts["busy"]> {
    const { host, store } = this.request;
    const facts = parseOpen(await this.persist(() => host.change(`store ${store.root}`, script)));
    if (facts.fault !== undefined)
      throw jobFailed(host, `store ${store.root}`, 70, { ...parseReport(""), fault: facts.fault });
    this.known = facts;
    return facts.busy;
  }

  /** Runs a job of ours for one step; a running one of the same step is attached to. Raises what jobs raise. */
  async runStage(stage: StageJob): Promise<StageEnd> {
    const { host, builder } = this.request;
    const id = this.jobName(stage.id);
    const found = this.facts.jobs.get(id);
    await this.settleOldJobs(id);
    if (found !== "running") {
      for (const [index, value] of (stage.secrets ?? []).entries()) await sendJobSecret(host, id, String(index), value);
      if (stage.input !== undefined) await this.sendInput(id, stage.input());
    }
    const tail = new Tail(TAIL_BYTES);
    const end = await runJob(
      host,
      { id, script: stage.script, killUid: builder.uid, lock: this.lock, collect: this.takeEnded() },
      {
        onOutput: (chunk) => {
          tail.add(chunk);
          this.events.onOutput?.(chunk);
        },
        onNote: (line) => this.events.onNote?.(line),
        signal: this.signal,
      },
    );
    this.ended.add(id);
    this.hasRun = true;
    if (end.isAttached)
      this.events.onNote?.("this step was started by an earlier run; its output is shown from the beginning");
    const report = parseReport(end.report);
    for (const line of report.notes) this.events.onNote?.(line);
    if (end.rc !== 0) {
      this.trees = undefined;
      throw jobFailed(host, stage.title, end.rc, report);
    }
    return { rc: report.commandRc ?? 0, report, tail: tail.text() };
  }

  /** The builder's trees hold the given result: for a build whose last step was a hit, or after somebody emptied them. */
  async settle(id: StepId): Promise<void> {
    if (this.trees === id) return;
    await this.runStage({ id, title: `restore of ${id.slice(0, 12)}`, script: renderRestoreScript(this.context, id) });
    this.trees = id;
  }

  /** Removes a result and all that was built on it. */
  async removeResults(id: StepId): Promise<void> {
    const { host, store, builder } = this.request;
    const script = renderRemove(store, builder, descendantsSql(id), deleteRowSql);
    const what = `results built on ${id.slice(0, 12)}`;
    const text = await this.persist(() => host.change(what, script, { timeoutMs: 3_600_000 }));
    for (const match of text.matchAll(/^removed ([0-9a-f]{64})$/gm)) {
      const removed = match[1] ?? "";
      this.facts.results.delete(removed);
      this.facts.bases.delete(removed);
      if (this.trees === removed) this.trees = undefined;
    }
    this.facts.results.delete(id);
    this.facts.bases.delete(id);
  }

  /** Lets the builder go; what a failed or cancelled step left is purged. The first error is the one that is told. */
  async close(failure: unknown): Promise<void> {
    if (isMacfoundryError(failure, "SUPERSEDED", "HOST_UNREACHABLE", "HOST_KEY_CHANGED")) return;
    const script = renderFinishScript(this.context, {
      lock: this.lock,
      hits: this.hits,
      ended: this.takeEnded(),
      isTidying: this.hasRun && failure === undefined,
      isFailed: failure !== undefined,
    });
    try {
      await this.request.host.change("end of the build", script, { timeoutMs: 1_800_000 });
    } catch (error) {
      if (failure === undefined) throw error;
      this.events.onNote?.(`could not clean up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** For what may be done twice: a lost connection is only a delay. */
  persist<T>(task: () => Promise<T>): Promise<T> {
    return persist(task, { signal: this.signal, onNote: this.events.onNote });
  }

  /** What ends the producer is told, not what the Mac makes of a stream that is cut off. */
  private async sendInput(id: string, input: { stream: Readable; done: Promise<unknown> }): Promise<void> {
    const produced = input.done.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    try {
      await sendJobInput(this.request.host, id, input.stream, this.signal);
    } catch (error) {
      input.stream.destroy();
      const failed = await produced;
      throw failed === undefined || isMacfoundryError(error, "HOST_UNREACHABLE", "CANCELLED") ? error : failed.error;
    }
    const failed = await produced;
    if (failed !== undefined) throw failed.error;
  }

  /** First job of this build: whatever an earlier run left of the builder's jobs comes to its end. */
  private async settleOldJobs(wanted: string): Promise<void> {
    for (const [name, state] of this.facts.jobs) {
      this.facts.jobs.delete(name);
      if (name === wanted && state === "running") continue;
      if (state === "running") {
        this.events.onNote?.(`a step that nobody waits for any more is cancelled (${name})`);
        await cancelJob(this.request.host, { id: name, killUid: this.request.builder.uid });
      } else {
        this.ended.add(name);
      }
    }
  }

  private jobName(id: StepId): string {
    return `step-${this.request.builder.uid}-${id.slice(0, 40)}`;
  }

  private takeEnded(): string[] {
    const names = [...this.ended];
    this.ended.clear();
    return names;
  }

  private busy(who: string): MacfoundryError {
    return new MacfoundryError({
      code: "STORE_BUSY" satisfies ErrorCode,
      host: this.request.host.name,
      resource: `builder ${this.request.builder.name}`,
      cause: `it is in use by ${who}`,
      remedy: "wait for that build to end, or stop it, then run again",
    });
  }
}

/** The last bytes of a stream, without keeping the rest. */
class Tail {
  private chunks: Buffer[] = [];
  private length = 0;

  constructor(private readonly limit: number) {}

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    if (this.length > 4 * this.limit) {
      const kept = Buffer.concat(this.chunks).subarray(-this.limit);
      this.chunks = [Buffer.from(kept)];
      this.length = kept.length;
    }
  }

  text(): string {
    return Buffer.concat(this.chunks).subarray(-this.limit).toString("utf8");
  }
}
