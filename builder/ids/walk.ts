import { planCopy } from "../copy/manifest.js";
import type { SourceTree } from "../copy/tree.js";
import type { CopyOp, NamedBuild, Op, RunOp, Spec } from "../spec/ast.js";
import { asBytes, toText, type ByteString } from "../spec/bytes.js";
import { printHeading } from "../spec/layout.js";
import { escapeText, writeAtom } from "../spec/print.js";
import { Formatter } from "../spec/format.js";
import { applyOp, resolveDestination, type BuildContext } from "./context.js";
import {
  identifyCopy,
  identifyFrom,
  identifyRun,
  type CopyPlan,
  type EnvPair,
  type Identity,
  type StepId,
} from "./ids.js";

export interface FromStep extends Identity {
  readonly kind: "from";
  readonly name: ByteString;
  readonly spec: Spec;
}

export interface RunStep extends Identity {
  readonly kind: "run";
  readonly parent: StepId;
  readonly op: RunOp;
  readonly context: BuildContext;
  /** Looked up, in the order of the spec. */
  readonly secrets: readonly { readonly value: ByteString; readonly target: ByteString }[];
}

export interface CopyStep extends Identity {
  readonly kind: "copy";
  readonly parent: StepId;
  readonly op: CopyOp;
  readonly context: BuildContext;
  readonly plan: CopyPlan;
  readonly source: SourceTree;
}

/** `cached`: the store had it already. */
export type Outcome = "saved" | "cached";

export interface StepHandlers<Tree extends SourceTree = SourceTree> {
  /** Makes sure the base is there; gives the environment saved with it. */
  from(step: FromStep): Promise<{ outcome: Outcome; env: readonly EnvPair[] }>;
  run(step: RunStep): Promise<Outcome>;
  copy(step: CopyStep & { source: Tree }): Promise<Outcome>;
  /** Where a copy looks: the build's source directory, or the tree of a nested build's last step. */
  openSource(source: { kind: "context" } | { kind: "build"; name: ByteString; id: StepId }): Tree | Promise<Tree>;
  /** The value of a secret, undefined when none was given. */
  findSecret(id: ByteString): ByteString | undefined;
  /** Headings and notes of the build's log, in the original's words and without newline. */
  log?(kind: "heading" | "note", text: ByteString): void;
}

/** A step that can't even be given an id. `op` and `part` say where in the spec, as in `SourceMap.find`. */
export class StepRefused extends Error {
  constructor(
    message: string,
    readonly op: Op,
    readonly part: string,
  ) {
    super(message);
    this.name = "StepRefused";
  }
}

interface Frame {
  readonly spec: Spec;
  readonly name: ByteString | undefined;
  /** Names bound so far, innermost last. */
  scope: Scope | undefined;
  next: number;
}

interface Scope {
  readonly name: ByteString;
  readonly id: StepId;
  readonly outer: Scope | undefined;
}

/**
 * Goes through a spec step by step in the order OBuilder executes it: each nested build with the starting context,
 * then the base, then the ops. One walk for showing ids and for building: what a step is, is decided here only.
 * @returns the id of the last step
 * @throws StepRefused, and whatever the handlers throw
 */
export async function walkSpec<Tree extends SourceTree>(
  spec: Spec,
  start: BuildContext,
  handlers: StepHandlers<Tree>,
): Promise<StepId> {
  const frames: Frame[] = [{ spec, name: undefined, scope: undefined, next: 0 }];
  for (;;) {
    const frame = frames[frames.length - 1];
    if (frame === undefined) throw new Error("a walk ends with its outermost spec");
    const build: NamedBuild | undefined = frame.spec.builds[frame.next++];
    if (build !== undefined) {
      handlers.log?.("heading", asBytes(`(build "${escapeText(build.name)}" \xe2\x80\xa6)`));
      frames.push({ spec: build.spec, name: build.name, scope: frame.scope, next: 0 });
      continue;
    }
    const id = await walkStage(frame.spec, start, frame.scope, handlers);
    frames.pop();
    const outer = frames[frames.length - 1];
    if (outer === undefined || frame.name === undefined) return id;
    handlers.log?.("note", asBytes(`--> finished "${escapeText(frame.name)}"`));
    outer.scope = { name: frame.name, id, outer: outer.scope };
  }
}

async function walkStage<Tree extends SourceTree>(
  spec: Spec,
  start: BuildContext,
  scope: Scope | undefined,
  handlers: StepHandlers<Tree>,
): Promise<StepId> {
  handlers.log?.("heading", fromHeading(spec.from));
  const from = identifyFrom(spec.from);
  const base = await handlers.from({ kind: "from", name: spec.from, spec, ...from });
  note(handlers, base.outcome, from.id);
  let context: BuildContext = { ...start, env: [...start.env, ...base.env] };
  let parent = from.id;
  for (const op of spec.ops) {
    handlers.log?.("heading", printHeading(context.workdir, op));
    if (op.op === "run") {
      const step = prepareRun(op, context, parent, handlers);
      note(handlers, await handlers.run(step), step.id);
      parent = step.id;
    } else if (op.op === "copy") {
      const step = await prepareCopy(op, context, parent, scope, handlers);
      note(handlers, await handlers.copy(step), step.id);
      parent = step.id;
    } else {
      context = applyOp(context, op);
    }
  }
  return parent;
}

function prepareRun(
  op: RunOp,
  context: BuildContext,
  parent: StepId,
  handlers: Pick<StepHandlers, "findSecret">,
): RunStep {
  const secrets = op.secrets.map(({ id, target }, index) => {
    const value = handlers.findSecret(id);
    if (value === undefined) {
      throw new StepRefused(`Couldn't find value for requested secret '${toText(id)}'`, op, `secrets.${index}`);
    }
    return { value, target };
  });
  const { workdir, user, env, shell } = context;
  const identity = identifyRun({
    base: parent,
    workdir,
    user,
    env,
    command: op.shell,
    shell,
    network: op.network,
    secrets,
  });
  return { kind: "run", parent, op, context, secrets, ...identity };
}

async function prepareCopy<Tree extends SourceTree>(
  op: CopyOp,
  context: BuildContext,
  parent: StepId,
  scope: Scope | undefined,
  handlers: StepHandlers<Tree>,
): Promise<CopyStep & { source: Tree }> {
  const source = await handlers.openSource(op.from.kind === "context" ? op.from : bindBuild(op, op.from.name, scope));
  const planned = await planCopy(source, op, resolveDestination(context, op.dst));
  if (!planned.ok) throw new StepRefused(planned.message, op, planned.part);
  const identity = identifyCopy({ base: parent, user: context.user, plan: planned.plan });
  return { kind: "copy", parent, op, context, plan: planned.plan, source, ...identity };
}

function bindBuild(
  op: CopyOp,
  name: ByteString,
  scope: Scope | undefined,
): { kind: "build"; name: ByteString; id: StepId } {
  for (let entry = scope; entry !== undefined; entry = entry.outer) {
    if (entry.name === name) return { kind: "build", name, id: entry.id };
  }
  throw new StepRefused(`Unknown build "${escapeText(name)}"`, op, "from");
}

function note(handlers: Pick<StepHandlers, "log">, outcome: Outcome, id: StepId): void {
  handlers.log?.("note", asBytes(outcome === "saved" ? `---> saved as "${id}"` : `---> using "${id}" from cache`));
}

function fromHeading(name: ByteString): ByteString {
  const formatter = new Formatter();
  formatter.text("(from ");
  writeAtom(formatter, name);
  return asBytes(formatter.text(")").finish());
}
