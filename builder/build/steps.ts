import { PassThrough, Readable } from "node:stream";
import { MacfoundryError } from "../../host/errors.js";
import { quoteWord } from "../../host/quote.js";
import { DiskTree, findCollision, sendCopy } from "../copy/index.js";
import type { CopyStep, EnvPair, FromStep, Outcome, RunStep, StepHandlers, StepId } from "../ids/index.js";
import { renderSandboxProfile, type SandboxRules } from "../sandbox/profile.js";
import { asBytes, toBytes, toText, type ByteString } from "../spec/index.js";
import { nameCache } from "./caches.js";
import { composeCommand, renderWords, resolveInHome } from "./command.js";
import { countSteps, measures, secretsFolder, titleOf } from "./describe.js";
import { parseEnvFile, printEnvFile } from "./env-file.js";
import type { StepOutcome } from "./events.js";
import { stepFailed } from "./failure.js";
import { parseReport, type JobReport } from "./report.js";
import { COPY_PACKER, RemoteTree, sourcesFrom } from "./remote-tree.js";
import type { BuildSession, StageJob } from "./session.js";
import { renderBaseScript, renderStepScript, type StepScript } from "./step-script.js";
import { COPY_UNPACKER } from "./unpack.js";

/** What is the same for runs and copies once it is known what to do. */
interface Work {
  kind: "run" | "copy";
  title: string;
  argv: readonly ByteString[];
  rules: SandboxRules;
  script: Pick<StepScript, "command" | "secrets" | "caches">;
  secrets: readonly Buffer[];
  input?: StageJob["input"];
}

/** What each kind of step does: found in the store, or run as a job. The order of steps is `walkSpec`'s. */
export class StepRunner implements StepHandlers<DiskTree | RemoteTree> {
  readonly outcomes: StepOutcome[] = [];
  private readonly total: number;

  constructor(private readonly session: BuildSession) {
    this.total = countSteps(session.request.spec);
  }

  log(kind: "heading" | "note", text: ByteString): void {
    const { onHeading, onNote } = this.session.events;
    if (kind === "heading") onHeading?.(toText(text));
    else onNote?.(toText(text));
  }

  async openSource(
    source: { kind: "context" } | { kind: "build"; name: ByteString; id: StepId },
  ): Promise<DiskTree | RemoteTree> {
    const { contextDir, host, store, spec } = this.session.request;
    if (source.kind === "build") {
      const rootfs = `${store.root}/result/${source.id}/rootfs`;
      return RemoteTree.read(host, rootfs, sourcesFrom(spec, source.name), this.session.signal);
    }
    if (contextDir === undefined) throw this.refuse("copy", "the image has no context folder to copy from");
    return new DiskTree(contextDir);
  }

  findSecret(id: ByteString): ByteString | undefined {
    const value = this.session.request.secrets?.get(toText(id));
    return value === undefined ? undefined : asBytes(value.toString("latin1"));
  }

  async from(step: FromStep): Promise<{ outcome: Outcome; env: readonly EnvPair[] }> {
    const { facts, request, events } = this.session;
    const name = toText(step.name);
    const title = `from ${name}`;
    const base = name === "empty" ? { path: undefined, digest: undefined, env: [] } : request.resolveBase(name);
    const known = facts.bases.get(step.id);
    if (facts.results.has(step.id) && known !== undefined && base?.digest !== undefined && base.digest !== known) {
      events.onNote?.(`base ${name} has changed (${known} is now ${base.digest}): what was built on it is removed`);
      await this.dropBase(step.id, name);
    }
    const isCached = facts.results.has(step.id);
    this.announce("from", title, isCached);
    if (isCached) {
      const env = await this.readEnv(step.id, title);
      this.recordHit("from", title, step.id, undefined);
      return { outcome: "cached", env };
    }
    if (base === undefined) throw this.refuse(title, "no image of this name is known for this builder");
    const env = base.env ?? [];
    const script = renderBaseScript(this.session.context, {
      id: step.id,
      source: base.path,
      digest: base.digest,
      env: printEnvFile(env),
    });
    const { report } = await this.session.runStage({ id: step.id, title, script });
    this.recordRun("from", title, step.id, report);
    return { outcome: "saved", env };
  }

  async run(step: RunStep): Promise<Outcome> {
    const title = titleOf(step.op);
    if (await this.isHit("run", title, step)) return "cached";
    const { builder } = this.session.request;
    const secretTargets = step.secrets.map(({ target }) => resolveInHome(builder.home, toText(target)));
    const rules = this.rulesFor(step.op.network);
    const argv = [...step.context.shell, step.op.shell];
    const command = {
      argv,
      env: [...secretsFolder(secretTargets), ...step.context.env],
      workdir: step.context.workdir,
    };
    const { tmpDir } = this.session.facts;
    return this.execute(step, {
      kind: "run",
      title,
      argv,
      rules,
      script: {
        command: {
          withProfile: `start_step ${renderWords(composeCommand(builder, tmpDir, command, true))}`,
          without: `start_step ${renderWords(composeCommand(builder, tmpDir, command, false))}`,
        },
        secrets: secretTargets,
        caches: step.op.cache.map(({ id, target }) => ({
          name: nameCache(id),
          target: this.checkCacheTarget(toText(target)),
        })),
      },
      secrets: step.secrets.map(({ value }) => toBytes(value)),
    });
  }

  async copy(step: CopyStep & { source: DiskTree | RemoteTree }): Promise<Outcome> {
    const { source, plan } = step;
    const title = titleOf(step.op);
    const collision = findCollision(plan);
    if (collision !== undefined) {
      const names = collision.map((name) => JSON.stringify(toText(name))).join(" and ");
      throw this.refuse(title, `${names} are the same name on a Mac's volume`);
    }
    if (await this.isHit("copy", title, step)) return "cached";
    const unpack = quoteWord(COPY_UNPACKER);
    const script = (words: string) => ({ command: { withProfile: words, without: words }, secrets: [], caches: [] });
    const common = {
      kind: "copy" as const,
      title,
      argv: ["tar", "-xf", "-"].map(asBytes),
      rules: this.rulesFor([]),
      secrets: [],
    };
    if (source instanceof RemoteTree) {
      return this.execute(step, {
        ...common,
        script: script(`copy_between ${quoteWord(COPY_PACKER)} ${quoteWord(source.rootfs)} ${unpack}`),
        input: () => ({ stream: Readable.from([Buffer.from(source.listFor(plan))]), done: Promise.resolve() }),
      });
    }
    const { user } = step.context;
    return this.execute(step, {
      ...common,
      script: script(`sandboxed_as_builder /usr/bin/perl -e ${unpack}`),
      input: () => {
        const output = new PassThrough();
        return { stream: output, done: sendCopy(source, plan, user, output, this.session.signal) };
      },
    });
  }

  private async execute(step: { id: StepId; parent: StepId }, work: Work): Promise<Outcome> {
    const { kind, title, argv, rules, script, secrets, input } = work;
    const { session } = this;
    const { host, store } = session.request;
    const text = renderStepScript(session.context, {
      id: step.id,
      parent: step.parent,
      isRestoring: session.trees !== step.parent,
      sandboxProfile: renderSandboxProfile(rules),
      ...script,
    });
    session.trees = undefined;
    const { rc, report, tail } = await session.runStage({ id: step.id, title, script: text, secrets, input });
    if (rc !== 0)
      throw stepFailed(host, { title, argv, rc, tail, rules, logPath: `${store.root}/state/failed/${step.id}` });
    session.trees = step.id;
    this.recordRun(kind, title, step.id, report);
    return "saved";
  }

  private async isHit(kind: "run" | "copy", title: string, step: { id: StepId; parent: StepId }): Promise<boolean> {
    const isCached = this.session.facts.results.has(step.id);
    this.announce(kind, title, isCached);
    if (!isCached) return false;
    await this.replayLog(step.id);
    this.recordHit(kind, title, step.id, step.parent);
    return true;
  }

  private announce(kind: StepOutcome["kind"], title: string, isCached: boolean): void {
    this.session.events.onStep?.({ index: this.outcomes.length + 1, total: this.total, kind, title, isCached });
  }

  private recordHit(kind: StepOutcome["kind"], title: string, id: StepId, parent: StepId | undefined): void {
    const saved = parseReport((this.session.facts.sizes.get(id) ?? "").replaceAll(";", "\n"));
    this.session.hits.push({ id, parent });
    this.outcomes.push({ id, kind, title, isCached: true, ...measures(saved) });
  }

  private recordRun(kind: StepOutcome["kind"], title: string, id: StepId, report: JobReport): void {
    this.session.facts.results.add(id);
    this.outcomes.push({ id, kind, title, isCached: false, ...measures(report) });
  }

  private async replayLog(id: StepId): Promise<void> {
    const { request, events, signal } = this.session;
    if (request.isReplayingLogs !== true) return;
    const path = quoteWord(`${request.store.root}/result/${id}/log`);
    await request.host.tryRead(`[ ! -e ${path} ] || exec cat ${path}`, {
      onStdout: events.onOutput,
      signal,
      timeoutMs: 3_600_000,
    });
  }

  private async readEnv(id: StepId, title: string): Promise<EnvPair[]> {
    const { host, store } = this.session.request;
    const result = await this.session.persist(() => host.tryRead(`cat ${quoteWord(`${store.root}/result/${id}/env`)}`));
    const env = result.code === 0 ? parseEnvFile(result.stdout) : undefined;
    if (env !== undefined) return env;
    throw new MacfoundryError({
      code: "STORE_CORRUPT",
      host: host.name,
      resource: title,
      cause: `its result ${id} has no readable env file`,
      remedy: `\`macfoundry store delete ${id}\` removes it with what was built on it; then run again`,
    });
  }

  private async dropBase(id: StepId, name: string): Promise<void> {
    const { host } = this.session.request;
    try {
      await this.session.removeResults(id);
    } catch (error) {
      if (!(error instanceof MacfoundryError) || error.code !== "COMMAND_FAILED") throw error;
      throw new MacfoundryError({
        code: "BASE_CHANGED",
        host: host.name,
        resource: `base ${name}`,
        cause: `the base is another one now, and what was built on the old one cannot be removed: ${error.why}`,
        remedy: `mend the cause, or remove it by \`macfoundry store delete ${id}\`, then run again`,
      });
    }
  }

  private rulesFor(network: readonly ByteString[]): SandboxRules {
    const { builder, network: configured } = this.session.request;
    const isDenied = configured === "deny" && !network.some((name) => name === "host");
    return {
      home: builder.home,
      prefix: builder.prefix,
      tmpDir: this.session.facts.tmpDir,
      network: isDenied ? "deny" : "allow",
    };
  }

  private checkCacheTarget(target: string): string {
    const { home, prefix } = this.session.request.builder;
    const isInside = [home, prefix].some(
      (tree) => tree !== undefined && target.startsWith(`${tree}/`) && target.length > tree.length + 1,
    );
    if (isInside && !target.split("/").includes("..")) return target.replace(/\/+$/, "");
    throw this.refuse(
      `cache at ${target}`,
      `a cache lies in the builder's home or prefix: write its target as ${home}/… or ${prefix ?? home}/…`,
    );
  }

  private refuse(resource: string, cause: string): MacfoundryError {
    return new MacfoundryError({
      code: "SPEC_INVALID",
      host: this.session.request.host.name,
      resource,
      cause,
      remedy: "mend the spec or the stack file and run again",
    });
  }
}
