import * as fs from "node:fs";
import * as path from "node:path";

/** A stack's lock as the CLI's file backend writes it: `<backend>/.pulumi/locks/organization/<project>/<stack>/<id>.json`. */
export interface StackLock {
  file: string;
  project: string;
  stack: string;
  pid: number;
  username: string;
  hostname: string;
  /** RFC 3339. */
  timestamp: string;
}

export type LockState = "alive" | "dead" | "unknown";

/** All locks of a project, of one stack or of all. What cannot be read as a lock is left out: the CLI will speak of it. */
export function listLocks(backendFolder: string, project: string, stack: string | undefined): StackLock[] {
  const folder = path.join(backendFolder, ".pulumi", "locks", "organization", project);
  const stacks = stack === undefined ? readNames(folder) : [stack];
  return stacks.flatMap((name) =>
    readNames(path.join(folder, name))
      .filter((file) => file.endsWith(".json"))
      .flatMap((file) => readLock(path.join(folder, name, file), project, name)),
  );
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function readLock(file: string, project: string, stack: string): StackLock[] {
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return [];
  }
  if (typeof value !== "object" || value === null) return [];
  const { pid, username, hostname, timestamp } = value as Record<string, unknown>;
  if (typeof pid !== "number" || typeof hostname !== "string") return [];
  return [{ file, project, stack, pid, username: String(username), hostname, timestamp: String(timestamp) }];
}

export interface ProcessEntry {
  pid: number;
  ppid: number;
  command: string;
}

/**
 * `dead` only for a lock of this machine whose process is gone, or whose pid belongs to something that is not Pulumi's
 * CLI; `unknown` for another machine's.
 */
export function judgeLock(lock: StackLock, hostname: string, processes: readonly ProcessEntry[]): LockState {
  if (lock.hostname !== hostname) return "unknown";
  const holder = processes.find(({ pid }) => pid === lock.pid);
  return holder !== undefined && isCli(holder.command) ? "alive" : "dead";
}

export function removeLock(lock: StackLock): void {
  fs.rmSync(lock.file, { force: true });
  fs.rmSync(`${lock.file}.attrs`, { force: true });
}

export function renderHolder(lock: StackLock): string {
  return `${lock.username}@${lock.hostname}, process ${lock.pid}, since ${lock.timestamp}`;
}

function isCli(command: string): boolean {
  return path.basename(command.split(" ")[0] ?? "") === "pulumi";
}

/** Processes that a killed CLI left behind: their parent is no CLI any more. */
export function listOrphans(processes: readonly ProcessEntry[], isOurs: (command: string) => boolean): ProcessEntry[] {
  const commands = new Map(processes.map(({ pid, command }) => [pid, command]));
  return processes.filter(({ ppid, command }) => isOurs(command) && !isCli(commands.get(ppid) ?? ""));
}
