import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "#tools/build.mjs";
import { getDataFolder } from "#tools/lib/folders.mjs";
import { getPulumiHome } from "#tools/lib/pulumi.mjs";
import { MacfoundryError } from "../../host/errors.js";
import { chooseEnvironment, type Environment } from "../pulumi/environment.js";
import { findLogin, findProject, findSelectedStack, shortenStack } from "../pulumi/project.js";
import { readStackHosts, type StackHosts } from "./read-hosts.js";

/**
 * The file of the selected stack: MACFOUNDRY_STACK_FILE, else `stacks/Pulumi.<stack>.yaml` of this clone for the stack
 * that is named, set in PULUMI_STACK or chosen with `pulumi stack select`. Raises CONFIG_INVALID.
 */
export function findStackFile(named: string | undefined, env: Environment): string {
  const file = env["MACFOUNDRY_STACK_FILE"];
  if (named === undefined && file) return path.resolve(file);
  const stack = named ?? (env["PULUMI_STACK"] || findSelected(env));
  if (stack === undefined) {
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: "stack",
      cause: "no stack is named or selected",
      remedy: "give --stack NAME, set MACFOUNDRY_STACK_FILE, or run `macfoundry pulumi stack select`",
    });
  }
  return path.join(ROOT, "stacks", `Pulumi.${shortenStack(stack)}.yaml`);
}

/** A stack's file and its text. */
export interface StackText {
  readonly file: string;
  readonly text: string;
  /** Makes a path of the file absolute: from `~/` or the file's folder, as everywhere in it. */
  readonly resolvePath: (name: string) => string;
}

/** Raises CONFIG_INVALID. */
export function readStackText(named: string | undefined, env: Environment): StackText {
  const file = findStackFile(named, env);
  try {
    return {
      file,
      text: fs.readFileSync(file, "utf8"),
      resolvePath: (name) =>
        name.startsWith("~/") ? path.join(os.homedir(), name.slice(2)) : path.resolve(path.dirname(file), name),
    };
  } catch (error) {
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: file,
      cause: `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`,
      remedy: "name another stack with --stack, or the file itself in MACFOUNDRY_STACK_FILE",
    });
  }
}

/** Raises CONFIG_INVALID. */
export function loadStackHosts(named: string | undefined, env: Environment): StackHosts {
  const { file, text, resolvePath } = readStackText(named, env);
  return readStackHosts(text, file, resolvePath);
}

function findSelected(env: Environment): string | undefined {
  const project = findProject(ROOT);
  if (project === undefined) return undefined;
  const userHome = path.join(os.homedir(), ".pulumi");
  const credentials = env["PULUMI_CREDENTIALS_PATH"] || env["PULUMI_HOME"] || userHome;
  const chosen = chooseEnvironment(env, {
    ownHome: getPulumiHome(env),
    stateFolder: path.join(getDataFolder(env), "state"),
    userHome,
    loggedInTo: findLogin(credentials),
    projectBackend: project.backend,
  });
  const backendUrl = chosen["PULUMI_BACKEND_URL"] ?? project.backend ?? findLogin(credentials) ?? "";
  return findSelectedStack(chosen["PULUMI_HOME"] ?? userHome, project, backendUrl);
}
