import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "#tools/build.mjs";
import { getDataFolder } from "#tools/lib/folders.mjs";
import { findPulumi, getPulumiHome, readRequiredVersion } from "#tools/lib/pulumi.mjs";
import { MacfoundryError } from "../../host/errors.js";
import { addContinueOnError, readCommand, takesLock } from "./arguments.js";
import { runChild } from "./child.js";
import { chooseEnvironment, explainPassphrase, getBackendFolder, type Environment } from "./environment.js";
import { findLogin, findProject, type Project } from "./project.js";
import { clearDeadLocks, clearDoneCreates } from "./recover.js";
import { say } from "./say.js";

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
      code: "PULUMI_MISSING",
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
  const local =
    project === undefined || backendUrl === undefined || backendFolder === undefined
      ? undefined
      : { env: childEnv, command, project, backendUrl, backendFolder };
  if (takesLock(command) && local !== undefined) await clearDeadLocks(local);
  const code = await runChild(found.command, addContinueOnError(argv, command, env), childEnv, cwd);
  if (code === 0 && command.name === "up" && local !== undefined) clearDoneCreates(found.command, cwd, local);
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
