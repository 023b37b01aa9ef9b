import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { getDataFolder } from "#tools/lib/folders.mjs";
import { listProcesses } from "#tools/lib/process.mjs";
import { findPulumi, getBuildFolder, getPulumiHome, readRequiredVersion } from "#tools/lib/pulumi.mjs";
import { ROOT } from "#tools/build.mjs";
import { MacfoundryError } from "../../host/errors.js";
import { addContinueOnError, readCommand, takesLock, type PulumiCommand } from "./arguments.js";
import { runChild } from "./child.js";
import { chooseEnvironment, explainPassphrase, getBackendFolder, type Environment } from "./environment.js";
import { judgeLock, listLocks, listOrphans, removeLock, renderHolder, type StackLock } from "./lock.js";
import { findLogin, findProject, findSelectedStack, shortenStack, type Project } from "./project.js";

const ORPHAN_TIMEOUT_MS = 90_000;
const ORPHAN_POLL_MS = 500;

/** `macfoundry pulumi ARGS...`: Pulumi's CLI with the right environment. Answers the CLI's exit code. */
export async function run(argv: string[]): Promise<number> {
  try {
    return await runPulumi(argv, process.env);
  } catch (error) {
    if (!(error instanceof MacfoundryError)) throw error;
    say(error.message);
    return 1;
  }
}

async function runPulumi(argv: string[], env: Environment): Promise<number> {
  const found = findPulumi({ root: ROOT, env });
  if (found === undefined) {
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: "Pulumi",
      cause: `there is none on PATH from ${readRequiredVersion(ROOT)} on, and none in the cache`,
      remedy: "run `npm run setup`",
    });
  }
  const command = readCommand(argv);
  // Outside any project the person means ours.
  const start = path.resolve(command.cwd ?? process.cwd());
  const near = findProject(start);
  const cwd = near === undefined && command.cwd === undefined ? ROOT : process.cwd();
  const project = near ?? findProject(cwd);
  const childEnv = describeEnvironment(env, project);
  const backendUrl = childEnv["PULUMI_BACKEND_URL"] ?? project?.backend ?? findLogin(getCredentialsFolder(childEnv));
  const backendFolder = getBackendFolder(backendUrl, os.homedir(), start);
  if (takesLock(command) && project !== undefined && backendUrl !== undefined && backendFolder !== undefined) {
    await clearDeadLocks({ env: childEnv, command, project, backendUrl, backendFolder });
  }
  const code = await runChild(found.command, addContinueOnError(argv, command, env), childEnv, cwd);
  const hint = code !== 0 && backendFolder !== undefined && !process.stdin.isTTY ? explainPassphrase(env) : undefined;
  if (hint !== undefined) say(hint);
  return code;
}

function describeEnvironment(env: Environment, project: Project | undefined): Record<string, string> {
  const userHome = path.join(os.homedir(), ".pulumi");
  const stateFolder = path.join(getDataFolder(env), "state");
  const chosen = chooseEnvironment(env, {
    ownHome: getPulumiHome(env),
    stateFolder,
    userHome,
    loggedInTo: findLogin(env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || userHome),
    projectBackend: project?.backend,
  });
  // State holds ciphertext of secrets: nobody else needs to list it.
  if (chosen["PULUMI_BACKEND_URL"] === `file://${stateFolder}`)
    fs.mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
  return chosen;
}

function getCredentialsFolder(env: Environment): string {
  return env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || path.join(os.homedir(), ".pulumi");
}

interface LockScope {
  env: Record<string, string>;
  command: PulumiCommand;
  project: Project;
  backendUrl: string;
  backendFolder: string;
}

/** Removes the locks of runs that were killed, once what they left behind is gone; a lock in use ends us with its holder's name. */
async function clearDeadLocks({ env, command, project, backendUrl, backendFolder }: LockScope): Promise<void> {
  const stack =
    command.stack ?? env["PULUMI_STACK"] ?? findSelectedStack(env["PULUMI_HOME"] ?? "", project, backendUrl);
  const locks = listLocks(backendFolder, project.name, stack === undefined ? undefined : shortenStack(stack));
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
    code: "STORE_BUSY",
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
        code: "STORE_BUSY",
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

function say(text: string): void {
  process.stderr.write(`macfoundry: ${text}\n`);
}
