// What the run before left behind, when it was killed; only where state is in files, which are ours to read.
import { spawnSync } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "#tools/build.mjs";
import { listProcesses } from "#tools/lib/process.mjs";
import { getBuildFolder } from "#tools/lib/pulumi.mjs";
import { MacfoundryError } from "../../host/errors.js";
import { type PulumiCommand } from "./arguments.js";
import { judgeLock, listLocks, listOrphans, removeLock, renderHolder, type StackLock } from "./lock.js";
import { listDoneCreates, readDeployment, rewriteExport } from "./pending.js";
import { findSelectedStack, shortenStack, type Project } from "./project.js";
import { say } from "./say.js";

const ORPHAN_TIMEOUT_MS = 90_000;
const ORPHAN_POLL_MS = 500;

/** A run on state in files. */
export interface LocalRun {
  env: Record<string, string>;
  command: PulumiCommand;
  project: Project;
  backendUrl: string;
  backendFolder: string;
}

function findStack({ env, command, project, backendUrl }: LocalRun): string | undefined {
  const stack =
    command.stack ?? env["PULUMI_STACK"] ?? findSelectedStack(env["PULUMI_HOME"] ?? "", project, backendUrl);
  return stack === undefined ? undefined : shortenStack(stack);
}

/** Takes a killed run's `creating` notes out of the state, when this run has made those things. */
export function clearDoneCreates(pulumi: string, cwd: string, run: LocalRun): void {
  const stack = findStack(run);
  const deployment = stack === undefined ? undefined : readDeployment(run.backendFolder, run.project.name, stack);
  if (stack === undefined || deployment === undefined || listDoneCreates(deployment).length === 0) return;
  const place = run.command.cwd === undefined ? [] : ["--cwd", run.command.cwd];
  const options = { cwd, env: run.env, encoding: "utf8", maxBuffer: 1 << 30 } as const;
  const exported = spawnSync(pulumi, ["stack", "export", "--stack", stack, ...place], options);
  if (exported.status !== 0) return;
  const input = rewriteExport(exported.stdout);
  const imported = spawnSync(pulumi, ["stack", "import", "--stack", stack, ...place], { ...options, input });
  if (imported.status === 0)
    say("what the killed run was creating is there now: removed its notes from the stack's state");
  else say(`the killed run's notes stay in the stack's state: ${imported.stderr.trim()}`);
}

/** Removes the locks of runs that were killed, once what they left behind is gone; a lock in use ends us with its holder's name. */
export async function clearDeadLocks(run: LocalRun): Promise<void> {
  const { project, backendFolder } = run;
  const stack = findStack(run);
  const locks = listLocks(backendFolder, project.name, stack);
  if (locks.length === 0) return;
  const processes = listProcesses();
  const dead = locks.filter((lock) => judgeLock(lock, os.hostname(), processes) === "dead");
  const held = locks.find((lock) => judgeLock(lock, os.hostname(), processes) === "alive");
  if (held !== undefined && stack !== undefined) throw describeHeld(held);
  if (dead.length === 0) return;
  await waitForOrphans();
  for (const lock of dead) {
    removeLock(lock);
    say(`removed the lock that a killed run left on stack ${lock.stack} (${renderHolder(lock)})`);
  }
}

function describeHeld(lock: StackLock): MacfoundryError {
  return new MacfoundryError({
    code: "STACK_LOCKED",
    resource: `stack ${lock.stack}`,
    cause: `another run is at work on it: ${renderHolder(lock)}`,
    remedy: "wait until it has ended, or interrupt it (Ctrl-C there), and run again",
  });
}

/** A provider whose CLI was killed notices within seconds and ends; until then it must not have a successor. */
async function waitForOrphans(): Promise<void> {
  const provider = path.join(ROOT, "provider", "bin", "start.mjs");
  const languageHost = path.join(getBuildFolder(ROOT), "bin", "pulumi-language-nodejs");
  // A language host without its CLI does nothing and never ends.
  for (const { pid } of listOrphans(listProcesses(), (line) => line.split(" ")[0] === languageHost)) endProcess(pid);
  const deadline = Date.now() + ORPHAN_TIMEOUT_MS;
  for (let hasSaid = false; ; hasSaid = true) {
    const orphans = listOrphans(listProcesses(), (line) => line.split(" ").includes(provider));
    const [first] = orphans;
    if (first === undefined) return;
    if (!hasSaid) say(`waiting for the provider of the killed run to end (process ${first.pid})`);
    if (Date.now() > deadline) {
      throw new MacfoundryError({
        code: "STACK_LOCKED",
        resource: "provider of a killed run",
        cause: `process ${first.pid} still works on the Macs after ${ORPHAN_TIMEOUT_MS / 1000} s`,
        remedy: `wait for it, or end it with: kill ${first.pid}`,
      });
    }
    await sleep(ORPHAN_POLL_MS);
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGTERM");
  } catch {
    // It has ended by itself.
  }
}
