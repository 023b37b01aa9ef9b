import * as path from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What was found on this machine; given, not looked up, so that the rules below can be tested. */
export interface Surroundings {
  /** A PULUMI_HOME of our own, with the command plugin. */
  ownHome: string;
  /** Folder for state, when no backend has been chosen. */
  stateFolder: string;
  /** The person's own Pulumi folder, normally `~/.pulumi`. */
  userHome: string;
  /** Backend that the person has logged in to, from credentials.json. */
  loggedInTo: string | undefined;
  /** `backend: { url }` of Pulumi.yaml. */
  projectBackend: string | undefined;
}

/**
 * The environment for Pulumi's CLI. Whatever the person has set stays; else a PULUMI_HOME of ours (the person's login is
 * still seen), and state in files of this machine unless they are logged in somewhere.
 */
export function chooseEnvironment(env: Environment, found: Surroundings): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) chosen[name] = value;
  chosen["PULUMI_SKIP_UPDATE_CHECK"] ??= "true";
  if (!env["PULUMI_HOME"]) {
    chosen["PULUMI_HOME"] = found.ownHome;
    chosen["PULUMI_CREDENTIALS_PATH"] ??= found.userHome;
  }
  if (shouldUseOwnBackend(env, found)) chosen["PULUMI_BACKEND_URL"] = `file://${found.stateFolder}`;
  return chosen;
}

export function shouldUseOwnBackend(env: Environment, found: Surroundings): boolean {
  return (
    !env["PULUMI_BACKEND_URL"] &&
    !env["PULUMI_ACCESS_TOKEN"] &&
    found.loggedInTo === undefined &&
    found.projectBackend === undefined
  );
}

/** Folder of a file backend; undefined for any other, whose locks are not ours to judge. `~` as the CLI reads it. */
export function getBackendFolder(url: string | undefined, home: string, cwd: string): string | undefined {
  if (url === undefined || !url.startsWith("file://")) return undefined;
  const place = decodeURIComponent(url.slice("file://".length).replace(/\?.*$/s, ""));
  if (place === "~" || place.startsWith("~/")) return path.join(home, place.slice(1));
  return path.resolve(cwd, place);
}

/** Said after a failure, when a local stack has no passphrase and nobody could be asked for it. */
export function explainPassphrase(env: Environment): string | undefined {
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined || env["PULUMI_CONFIG_PASSPHRASE_FILE"]) return undefined;
  return (
    "neither PULUMI_CONFIG_PASSPHRASE nor PULUMI_CONFIG_PASSPHRASE_FILE is set. A stack with state in files encrypts its secrets " +
    "with a passphrase; choose one once, keep it, and set PULUMI_CONFIG_PASSPHRASE_FILE to a file (mode 0600) that holds it"
  );
}
