import type { ErrorCode } from "../host/errors.js";
import type { Host } from "../host/host.js";

/** Plain values as the engine gives them: unknowns and secrets are already dealt with by the provider. */
export type Props = Record<string, unknown>;

/** What is wrong with an input, by Pulumi's property path (`builders[0].uid`); the reason shows the value unless it is secret. */
export interface Problem {
  path: string;
  reason: string;
}

/** One difference between the Mac and what is wanted. */
export interface Change {
  /** Property path, as Pulumi prints it. */
  path: string;
  live: unknown;
  desired: unknown;
  /** Set when no program can make the change: the procedure for a person, for this arch and macOS. */
  human?: string | undefined;
  /** The error that an update ends with when `human` is set; NEEDS_HUMAN unless said otherwise. */
  code?: ErrorCode | undefined;
}

/** A part of the one collector that runs on a Mac: its script prints, `parse` reads. Parsing is pure. */
export interface FactSource<Facts> {
  name: string;
  /** POSIX sh, read-only, run as root in a subshell under `set -u`; commands that may fail must say so themselves. */
  script: string;
  parse(text: string): Facts;
}

export interface ApplyContext {
  host: Host;
  /** Shown in the resource's row while it works; replaced by the next one. */
  progress(line: string): void;
  /** Kept in the diagnostics after the run. */
  log(line: string): void;
  warn(line: string): void;
  /** Ends when the person interrupts, or the CLI that started us is gone. */
  signal: AbortSignal;
}

/**
 * One kind of thing that a Mac is. `read` and `plan` are pure; create, update and repair of drift are the same call of
 * `apply`, which must be idempotent and resumable, since the engine calls it again after a crash.
 */
export interface StateResource<Inputs extends Props, Observed extends Props, Facts> {
  /** Folder and name of the noun: token `macfoundry:state:<type>`, id `<host>/<folder>/<name>`. */
  folder: string;
  type: string;
  facts: FactSource<Facts>;
  /** All problems at once. `props` has anything a program may pass; unknown values are `undefined` there. */
  check(props: Props): Problem[];
  /** Adds what is wanted without being said (a home's mode), so that preview prints `live => desired` for it too. */
  complete?(props: Props): Props;
  /**
   * Observed values under the inputs' names, further outputs beside them; undefined when there is nothing at all on the
   * Mac (then the engine plans a create).
   */
  read(facts: Facts, inputs: Inputs, name: string): Observed | undefined;
  plan(observed: Observed | undefined, inputs: Inputs): Change[];
  /** What a first look at the Mac shows beside the differences: one line. */
  summarize?(observed: Observed): string;
  apply(context: ApplyContext, inputs: Inputs, observed: Observed | undefined, name: string): Promise<void>;
  remove(context: ApplyContext, inputs: Inputs, observed: Observed | undefined, name: string): Promise<void>;
  /** Inputs of something that is there already, for `pulumi import`; undefined when there is none of that name. */
  importInputs(facts: Facts, name: string): Inputs | undefined;
  /** Inputs that only say where something lies on the controller: another value of them alone is no difference. */
  controllerInputs?: readonly string[];
  /** Outputs that only a finished apply can tell: unknown in a preview that would apply something. */
  computed?: readonly string[];
}
