import { checkAbsolutePath, checkInteger, checkPattern, show } from "../checks.js";
import { MacfoundryError } from "../../host/errors.js";
import type { RunResult } from "../../host/config.js";
import type { Host } from "../../host/host.js";
import type { Problem, Props, StateResource } from "../resource.js";
import { builderFacts } from "./facts.js";
import { planBuilder, planBuilders } from "./plan.js";
import { EXIT_NO_FULL_DISK_ACCESS, renderConvergeScript, renderRemoveScript } from "./script.js";
import { wantedHomeAccess } from "./types.js";
import type { BuilderFacts, BuilderInput, BuilderObserved, BuildersInputs, BuildersObserved } from "./types.js";

/** 501 is the first person's; below lie the system's own. */
const LOWEST_UID = 502;
const HIGHEST_UID = 2 ** 31 - 2;

export const builders: StateResource<BuildersInputs, BuildersObserved, BuilderFacts> = {
  folder: "builder",
  type: "Builders",
  facts: builderFacts,
  check: checkBuilders,

  complete(props) {
    const list = props["builders"];
    return Array.isArray(list)
      ? { ...props, builders: list.map((entry) => completeBuilder(entry as BuilderInput)) }
      : props;
  },

  read(facts, inputs) {
    const found = inputs.builders.map((builder) => observeBuilder(facts, builder.name, builder.uid));
    const isNothing = found.every(({ uid, managed, uidTakenBy }) => (uid ?? uidTakenBy) === undefined && !managed);
    return isNothing ? undefined : { builders: found };
  },

  plan: planBuilders,

  async apply(context, inputs, observed) {
    const live = new Map((observed?.builders ?? []).map((builder) => [builder.name, builder]));
    const refused = planBuilders(observed, inputs).find((change) => change.human !== undefined);
    if (refused !== undefined) {
      throw new MacfoundryError({
        code: refused.code ?? "NEEDS_HUMAN",
        cause: `${refused.path} is ${show(refused.live)}, wanted ${show(refused.desired)}`,
        remedy: refused.human ?? "",
      });
    }
    for (const builder of inputs.builders) {
      if (planBuilder("", live.get(builder.name), builder).length === 0) continue;
      context.progress(`account ${builder.name}`);
      await run(context.host, `builder ${builder.name}`, renderConvergeScript(builder, live.get(builder.name)));
    }
    const wanted = new Set(inputs.builders.map(({ name }) => name));
    for (const { name, uid, managed, home } of live.values()) {
      if (wanted.has(name) || uid === undefined || !managed) continue;
      await run(context.host, `builder ${name}`, renderRemoveScript(name, uid));
      context.log(`account ${name} removed; its home ${String(home)} was kept`);
    }
  },

  async remove(context, _inputs, observed) {
    for (const { name, uid, managed, home } of observed?.builders ?? []) {
      if (!managed || uid === undefined) continue;
      await run(context.host, `builder ${name}`, renderRemoveScript(name, uid));
      context.log(`account ${name} removed; its home ${String(home)} was kept`);
    }
  },

  importInputs(facts) {
    const managed = facts.accounts.filter(({ name }) => facts.managed.has(name));
    if (managed.length === 0) return undefined;
    const found = managed.map(({ name, uid }) => observeBuilder(facts, name, uid));
    return { host: "", builders: found.map((builder) => ({ ...builder, adopt: false }) as unknown as BuilderInput) };
  },
};

function completeBuilder(builder: BuilderInput): Props {
  return {
    ...builder,
    groups: [...builder.groups].sort(),
    password: "none",
    homeAccess: wantedHomeAccess(builder),
    managed: true,
  };
}

function observeBuilder(facts: BuilderFacts, name: string, uid: number): BuilderObserved {
  const account = facts.accounts.find((known) => known.name === name);
  const other = facts.accounts.find((known) => known.uid === uid && known.name !== name);
  const managed = facts.managed.has(name);
  const taken = other === undefined ? {} : { uidTakenBy: other.name };
  if (account === undefined) return { name, managed, ...taken };
  return {
    name,
    uid: account.uid,
    gid: account.gid,
    fullName: account.fullName,
    shell: account.shell,
    ...(account.home === "" ? {} : { home: account.home }),
    hidden: account.isHidden,
    groups: [...facts.groups]
      .filter(([, members]) => members.includes(name))
      .map(([group]) => group)
      .sort(),
    password: account.hasPassword ? "set" : "none",
    homeAccess: account.homeAccess,
    managed,
    ...taken,
  };
}

async function run(host: Host, what: string, script: string): Promise<void> {
  const result: RunResult = await host.tryChange(what, script);
  if (result.code === EXIT_NO_FULL_DISK_ACCESS) {
    throw new MacfoundryError({
      code: "NEEDS_HUMAN",
      host: host.name,
      resource: what,
      cause: "macOS refuses to change accounts (eDSPermissionError): SSH sessions have no Full Disk Access",
      remedy:
        "at the Mac: System Settings, General, Sharing, Remote Login, (i): switch on " +
        '"Allow full disk access for remote users" (macOS 12: System Preferences, Sharing); then run this again',
    });
  }
  if (result.code !== 0) throw host.failure(what, result);
}

function checkBuilders(props: Props): Problem[] {
  const problems: Problem[] = [];
  const list = props["builders"];
  if (!Array.isArray(list) || list.length === 0)
    return [{ path: "builders", reason: `must be a list of accounts, got ${show(list)}` }];
  const seen = new Map<unknown, string>();
  list.forEach((entry: unknown, i) => {
    const path = `builders[${i}]`;
    if (typeof entry !== "object" || entry === null) {
      problems.push({ path, reason: `must be an account, got ${show(entry)}` });
      return;
    }
    const builder = entry as Props;
    checkPattern(
      problems,
      `${path}.name`,
      builder["name"],
      /^[a-z_][a-z0-9_-]{0,30}$/,
      "an account name of lower-case letters, digits, - and _",
    );
    checkInteger(problems, `${path}.uid`, builder["uid"], LOWEST_UID, HIGHEST_UID);
    checkInteger(problems, `${path}.gid`, builder["gid"], 0, HIGHEST_UID);
    checkAbsolutePath(problems, `${path}.home`, builder["home"]);
    checkAbsolutePath(problems, `${path}.shell`, builder["shell"]);
    checkPattern(problems, `${path}.fullName`, builder["fullName"], /^[^\n]+$/, "a line of text");
    for (const key of ["name", "uid", "home"]) {
      const before = seen.get(`${key} ${String(builder[key])}`);
      if (before !== undefined)
        problems.push({ path: `${path}.${key}`, reason: `${show(builder[key])} is ${before}'s already` });
      seen.set(`${key} ${String(builder[key])}`, path);
    }
  });
  return problems;
}
