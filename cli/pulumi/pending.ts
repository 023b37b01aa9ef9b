import * as fs from "node:fs";
import * as path from "node:path";

interface PendingOperation {
  type: string;
  resource: { urn: string };
}

interface Deployment {
  resources?: { urn: string }[];
  pending_operations?: PendingOperation[];
}

/**
 * What a killed run noted as `creating` and a later run has made since. Pulumi keeps such notes, and warns of them on every
 * run, because a cloud may have made two; creating something on a Mac is repeatable, so the note has nothing left to say.
 */
export function listDoneCreates(deployment: Deployment): string[] {
  const made = new Set(deployment.resources?.map(({ urn }) => urn));
  const pending = deployment.pending_operations ?? [];
  return pending.filter((operation) => isDone(operation, made)).map(({ resource }) => resource.urn);
}

/** The same deployment without those notes. */
export function dropDoneCreates<D extends Deployment>(deployment: D): D {
  const made = new Set(deployment.resources?.map(({ urn }) => urn));
  const pending = deployment.pending_operations ?? [];
  return { ...deployment, pending_operations: pending.filter((operation) => !isDone(operation, made)) };
}

function isDone({ type, resource }: PendingOperation, made: ReadonlySet<string>): boolean {
  return type === "creating" && made.has(resource.urn);
}

/** The deployment in a file backend; undefined when there is none, or it is kept in another form. */
export function readDeployment(backendFolder: string, project: string, stack: string): Deployment | undefined {
  try {
    const text = fs.readFileSync(path.join(backendFolder, ".pulumi", "stacks", project, `${stack}.json`), "utf8");
    return (JSON.parse(text) as { checkpoint?: { latest?: Deployment } }).checkpoint?.latest;
  } catch {
    return undefined;
  }
}

/** The text of `pulumi stack export` without the notes, for `pulumi stack import`. */
export function rewriteExport(text: string): string {
  const exported = JSON.parse(text) as { version: number; deployment: Deployment };
  return JSON.stringify({ ...exported, deployment: dropDoneCreates(exported.deployment) });
}
