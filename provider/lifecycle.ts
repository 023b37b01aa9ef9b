import type { ApplyContext, Change, Props } from "../components/resource.js";
import { MacfoundryError, isMacfoundryError } from "../host/errors.js";
import { FactSnapshots } from "../host/facts/snapshot.js";
import type { Host } from "../host/host.js";
import { CONVERGED, completeInputs } from "./check.js";
import { listChangedInputs, observedIn, renderChange } from "./diff.js";
import type { Hosts } from "./hosts.js";
import type { AnyResource } from "./registry.js";
import { ONLY_ONE, formatId, parseId } from "./resource-id.js";
import { UNKNOWN, dropUnknown } from "./values.js";

/** Where a resource's lines go in Pulumi's output. */
export interface Voice {
  progress(line: string): void;
  info(line: string): void;
  warn(line: string): void;
}

export interface Converged {
  id: string;
  outputs: Props;
  /** Set when the work is not done; the engine then keeps the outputs and tries again next time. */
  failure?: MacfoundryError;
}

/** What the state holds of a resource that is updated. */
export interface LastState {
  inputs: Props;
  outputs: Props;
}

export interface ReadResult {
  id: string;
  outputs: Props;
  inputs: Props;
}

/** Create, read, update and delete of every kind of resource, free of the protocol. */
export class Lifecycle {
  private readonly snapshots = new Map<string, FactSnapshots>();
  private readonly warned = new Set<string>();

  constructor(
    private readonly hosts: Hosts,
    private readonly resources: readonly AnyResource[],
    private readonly signal: AbortSignal,
  ) {}

  /**
   * The Mac as it is. A Mac that can't be looked at keeps its last state, with the reason in `status`: one dead Mac must
   * not end the look at the others. Undefined: there is nothing, the engine may plan a create.
   */
  async read(
    resource: AnyResource,
    id: string,
    state: Props,
    oldInputs: Props,
    voice: Voice,
  ): Promise<ReadResult | undefined> {
    const place = parseId(id);
    if (place === undefined) throw wrongId(id);
    const isImport = Object.keys(state).length === 0;
    try {
      const facts = await this.facts(resource, this.hosts.get(place.host));
      const imported = isImport ? resource.importInputs(facts, place.name) : oldInputs;
      if (imported === undefined) return undefined;
      const inputs = isImport
        ? completeInputs(resource, { ...imported, host: place.host, ...nameInput(place.name) })
        : imported;
      const observed = resource.read(facts, inputs, place.name);
      if (observed === undefined && inputs["observe"] !== true) return undefined;
      return { id, inputs, outputs: joinOutputs(inputs, observed) };
    } catch (error) {
      if (isImport || !isMacfoundryError(error)) throw error;
      this.warnOnce(`could not look, the last known state is kept: ${error.message}`, voice);
      return { id, inputs: oldInputs, outputs: { ...state, status: `could not look: ${error.code}` } };
    }
  }

  /** A preview of create or update: what the Mac lacks, said line by line; nothing is changed. */
  async previewChange(resource: AnyResource, inputs: Props, olds: Props | undefined, voice: Voice): Promise<Props> {
    const changes =
      olds === undefined
        ? await this.previewFirst(resource, inputs, voice)
        : resource.plan(observedIn(olds), dropUnknown(inputs) as Props);
    const unknown =
      changes.length === 0 ? [] : (resource.computed ?? []).map((name): [string, unknown] => [name, UNKNOWN]);
    return { ...(olds ?? {}), ...inputs, ...Object.fromEntries(unknown) };
  }

  private async previewFirst(resource: AnyResource, inputs: Props, voice: Voice): Promise<Change[]> {
    try {
      const host = this.hosts.get(String(inputs["host"]));
      const known = dropUnknown(inputs) as Props;
      const observed = resource.read(await this.facts(resource, host), known, nameOf(known));
      const changes = resource.plan(observed, known);
      const summary = observed === undefined ? undefined : resource.summarize?.(observed);
      if (summary !== undefined) voice.info(summary);
      const lines = changes.filter((change) => change.human === undefined).map(renderChange);
      if (lines.length > 0) voice.info(lines.join("\n"));
      for (const change of changes)
        if (change.human !== undefined) voice.warn(explainHuman(host.name, resource, change).message);
      return changes;
    } catch (error) {
      if (!isMacfoundryError(error)) throw error;
      this.warnOnce(`could not look: ${error.message}`, voice);
      return [{ path: "status", live: error.code, desired: CONVERGED }];
    }
  }

  /** Create, update and repair are this one call. */
  async converge(resource: AnyResource, inputs: Props, last: LastState | undefined, voice: Voice): Promise<Converged> {
    const name = nameOf(inputs);
    const id = formatId({ host: String(inputs["host"]), folder: resource.folder, name });
    let observed: Props | undefined;
    try {
      const host = this.hosts.get(String(inputs["host"]));
      observed = resource.read(await this.facts(resource, host), inputs, name);
      if (inputs["observe"] === true) return { id, outputs: joinOutputs(inputs, observed) };
      const changes = resource.plan(observed, inputs);
      const isWanted = last !== undefined && listChangedInputs(resource, last.inputs, inputs).length > 0;
      if (observed === undefined || isWanted || changes.some((change) => change.human === undefined)) {
        await resource.apply(this.context(host, voice), inputs, observed, name);
        observed = resource.read(await this.facts(resource, host), inputs, name);
      }
      const rest = resource.plan(observed, inputs);
      const failure = explainRest(host.name, resource, rest);
      return { id, outputs: joinOutputs(inputs, observed), ...(failure === undefined ? {} : { failure }) };
    } catch (error) {
      const failure = toMacfoundryError(error, String(inputs["host"]), resource, name);
      // Could not even look: what was seen last stays known.
      const outputs = { ...(observed === undefined ? last?.outputs : {}), ...joinOutputs(inputs, observed) };
      return { id, failure, outputs: { ...outputs, status: `unfinished: ${failure.code}` } };
    }
  }

  async remove(resource: AnyResource, id: string, oldInputs: Props, voice: Voice): Promise<void> {
    const place = parseId(id);
    if (place === undefined) throw wrongId(id);
    if (oldInputs["observe"] === true) {
      voice.info("only observed: forgotten here, left alone on the Mac");
      return;
    }
    if (!this.hosts.has(place.host)) {
      // How a Mac leaves a pool: its entry is taken out, and there is no way to it any more.
      this.warnOnce(`${place.host} is no longer in macfoundry:hosts: forgotten here, left as it is on the Mac`, voice);
      return;
    }
    const host = this.hosts.get(place.host);
    try {
      const observed = resource.read(await this.facts(resource, host), oldInputs, place.name);
      await resource.remove(this.context(host, voice), oldInputs, observed, place.name);
    } catch (error) {
      if (host.config.deleteUnreachable !== true || !isMacfoundryError(error, "HOST_UNREACHABLE")) throw error;
      voice.warn(`let go without a look, as deleteUnreachable says: ${error.why}`);
    }
  }

  /** A Mac that is down is one message, not one for each of its resources. */
  private warnOnce(line: string, voice: Voice): void {
    if (this.warned.has(line)) return;
    this.warned.add(line);
    voice.warn(line);
  }

  private async facts(resource: AnyResource, host: Host): Promise<unknown> {
    const known = this.snapshots.get(host.name) ?? new FactSnapshots(this.resources.map(({ facts }) => facts));
    this.snapshots.set(host.name, known);
    return resource.facts.parse(await known.get(host, resource.facts.name, this.signal));
  }

  private context(host: Host, voice: Voice): ApplyContext {
    return {
      host,
      signal: this.signal,
      progress: (line) => voice.progress(line),
      log: (line) => voice.info(line),
      warn: (line) => voice.warn(line),
    };
  }
}

/** Observed values stand under the inputs' names, so that the engine prints `live => desired`. */
function joinOutputs(inputs: Props, observed: Props | undefined): Props {
  const { host, name, observe } = inputs;
  const common = { host, ...(name === undefined ? {} : { name }), ...(observe === undefined ? {} : { observe }) };
  return { ...common, ...(observed ?? {}), status: CONVERGED };
}

function explainRest(host: string, resource: AnyResource, rest: readonly Change[]): MacfoundryError | undefined {
  const human = rest.filter((change) => change.human !== undefined);
  const first = human[0];
  if (first !== undefined) return explainHuman(host, resource, first, human);
  if (rest.length === 0) return undefined;
  return new MacfoundryError({
    code: "COMMAND_FAILED",
    host,
    resource: resource.folder,
    cause: `every command succeeded, yet the Mac still differs: ${rest.map(renderChange).join("; ")}`,
    remedy: "see whether something else manages these (MDM, another tool); run again when it doesn't",
  });
}

export function explainHuman(
  host: string,
  resource: AnyResource,
  first: Change,
  all: readonly Change[] = [first],
): MacfoundryError {
  return new MacfoundryError({
    code: first.code ?? "NEEDS_HUMAN",
    host,
    resource: resource.folder,
    cause: all.map(renderChange).join("; "),
    remedy: [...new Set(all.map((change) => change.human ?? ""))].join("\n"),
  });
}

function toMacfoundryError(error: unknown, host: string, resource: AnyResource, name: string): MacfoundryError {
  const place = { host, resource: name === ONLY_ONE ? resource.folder : `${resource.folder} ${name}` };
  if (isMacfoundryError(error)) return error.at(place);
  return new MacfoundryError({
    code: "COMMAND_FAILED",
    ...place,
    cause: `a defect of macfoundry: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    remedy: "run again; if it stays, report it with this text",
  });
}

function nameOf(inputs: Props): string {
  return typeof inputs["name"] === "string" ? inputs["name"] : ONLY_ONE;
}

function nameInput(name: string): Props {
  return name === ONLY_ONE ? {} : { name };
}

function wrongId(id: string): MacfoundryError {
  return new MacfoundryError({
    code: "CONFIG_INVALID",
    cause: `${JSON.stringify(id)} is no id of a resource of ours`,
    remedy: "an id is <host>/<folder>/<name>, as `pulumi stack --show-ids` prints it",
  });
}
