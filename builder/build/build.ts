/**
 * Building a spec on a Mac.
 *
 *   const result = await buildSpec({ host, builder, store, spec, contextDir, resolveBase }, events, signal);
 *
 * `builder` {name, uid, gid, home, prefix?}; `store` {engine, mode, root} with `root = locateStore(path, builder.name)`;
 * `spec` from parseSpec; `resolveBase(name)` says which folder on the Mac a `(from NAME)` means and what its digest is
 * (`empty` is dealt with here). Afterwards the builder's home and prefix hold the last step's result, its tree is at
 * `resultRootfs(store, result.id)`, and nothing runs as the builder. Errors: STEP_FAILED, STORE_FULL, STORE_BUSY,
 * STORE_CORRUPT, BASE_CHANGED, NOT_OWNED, NEEDS_HUMAN, SPEC_INVALID, CANCELLED, JOB_LOST and those of the connection;
 * after each of them the store holds whole results only, and the same call goes on from there.
 */
import type { Spec } from "../spec/index.js";
import { MacfoundryError } from "../../host/errors.js";
import type { Host } from "../../host/host.js";
import { defaultContext, walkSpec, StepRefused, type EnvPair, type IdCompat, type StepId } from "../ids/index.js";
import type { Builder, StoreConfig } from "../store/layout.js";
import type { BuildEvents, BuildResult } from "./events.js";
import { BuildSession } from "./session.js";
import { StepRunner } from "./steps.js";

export type { Builder, StoreConfig, StoreMode } from "../store/layout.js";
export { locateStore } from "../store/layout.js";
export type { BuildEvents, BuildResult, StepOutcome, StepProgress } from "./events.js";

/** What a `(from NAME)` stands for on the Mac. */
export interface ResolvedBase {
  /** Folder with OBuilder's shape of a base: the home's files, the prefix's tree in `local`. */
  path: string;
  /** Changes when the base changes; undefined when nobody can tell (then an existing base result is taken as it is). */
  digest?: string | undefined;
  env?: readonly EnvPair[] | undefined;
}

export interface BuildRequest {
  host: Host;
  builder: Builder;
  store: StoreConfig;
  spec: Spec;
  /** Folder of this machine that `copy` steps read; without it such steps are refused. */
  contextDir?: string | undefined;
  resolveBase: (name: string) => ResolvedBase | undefined;
  /** Values by id. They reach the Mac over standard input only. */
  secrets?: ReadonlyMap<string, Buffer> | undefined;
  /** `deny`: only steps with `(network host)` reach the network. The default is as on OBuilder's macOS: all do. */
  network?: "allow" | "deny" | undefined;
  /** What the build's environment starts with; part of the ids. */
  env?: readonly EnvPair[] | undefined;
  idCompat?: IdCompat | undefined;
  /** Set aside what a home or prefix holds of others, instead of refusing. */
  isAdopting?: boolean | undefined;
  /** Who builds, for others that have to wait: `user@machine, stack NAME`. */
  who?: string | undefined;
  /** How long to wait for another build of this builder; the default is 10 minutes. */
  waitMs?: number | undefined;
  /** Show the saved log of a cached step, as the original does. */
  isReplayingLogs?: boolean | undefined;
  /** Only for the crash test: see renderJobScript. */
  crashDir?: string | undefined;
}

/** Builds that share a builder run one after the other; identical steps are then hits of the first one's. */
const queues = new WeakMap<Host, Map<number, Promise<unknown>>>();

export async function buildSpec(
  request: BuildRequest,
  events: BuildEvents = {},
  signal?: AbortSignal,
): Promise<BuildResult> {
  const byUid = queues.get(request.host) ?? new Map<number, Promise<unknown>>();
  queues.set(request.host, byUid);
  const before = byUid.get(request.builder.uid) ?? Promise.resolve();
  const run = before.then(() => buildNow(request, events, signal));
  byUid.set(
    request.builder.uid,
    run.catch(() => undefined),
  );
  return run;
}

async function buildNow(
  request: BuildRequest,
  events: BuildEvents,
  signal: AbortSignal | undefined,
): Promise<BuildResult> {
  const session = new BuildSession(request, events, signal);
  await session.open();
  let failure: unknown;
  try {
    const start = { ...defaultContext(request.idCompat), env: [...(request.env ?? [])] };
    const runner = new StepRunner(session);
    const id = await walkSpec(request.spec, start, runner);
    await session.settle(id);
    return { id, steps: runner.outcomes };
  } catch (error) {
    failure = error instanceof StepRefused ? refused(request, error) : error;
    throw failure;
  } finally {
    await session.close(failure);
  }
}

function refused(request: BuildRequest, error: StepRefused): MacfoundryError {
  return new MacfoundryError({
    code: "SPEC_INVALID",
    host: request.host.name,
    resource: `${error.op.op} step`,
    cause: error.message,
    remedy: "mend the spec or its context and run again: finished steps stay",
  });
}

/** Where a result's tree lies on the Mac. */
export function resultRootfs(store: StoreConfig, id: StepId): string {
  return `${store.root}/result/${id}/rootfs`;
}
