type Environment = Readonly<Record<string, string | undefined>>;
export interface FoundPulumi {
  command: string;
  version: string;
  source: "PATH" | "cache";
}
/** The CLI to use, or undefined when set-up has to build it. */
export function findPulumi(options: { root: string; env?: Environment }): FoundPulumi | undefined;
export function findExecutable(name: string, env?: Environment): string | undefined;
export function getBuildFolder(root: string, env?: Environment): string;
/** A PULUMI_HOME of our own: the stand-in for the command plugin lives only here, never in the user's. */
export function getPulumiHome(env?: Environment): string;
export function readRequiredVersion(root: string): string;
export function satisfies(version: string, minimum: string): boolean;
