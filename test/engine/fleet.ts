import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { findPulumi } from "#tools/lib/pulumi.mjs";
import { runOverSsh, type SimMac } from "../mac/fixture.js";
import { makeScratchProject, type Run, type ScratchProject } from "./scratch-project.js";

export const ROOT = path.resolve(import.meta.dirname, "../..");

/** Values of a stack file's `config:` by their full keys. */
export type Config = Record<string, unknown>;

/** The real program of this clone on a stack of the test's own, outside the clone. */
export interface Fleet extends ScratchProject {
  stackFile: string;
  /** Replaces the stack's configuration. */
  configure(config: Config): void;
  up(...args: string[]): Promise<Run>;
  /** Without arguments: `preview --diff --expect-no-changes`, 0 when the fleet is as wanted, 7 when not. */
  preview(...args: string[]): Promise<Run>;
  /** What the state holds of one resource, by the last part of its type and its name. */
  resource(type: string, name: string): StateEntry | undefined;
}

export interface StateEntry {
  urn: string;
  id: string;
  type: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  initErrors?: string[];
}

export async function makeFleet(options: { env?: Record<string, string> } = {}): Promise<Fleet> {
  const project = await makeScratchProject("fleet");
  fs.symlinkSync(ROOT, path.join(project.folder, "program"));
  writeProject(project, "program/stacks/main.js");
  const stackFile = path.join(project.folder, "stacks", "Pulumi.dev.yaml");
  Object.assign(project.env, { MACFOUNDRY_STACK_FILE: stackFile, ...options.env });
  return {
    ...project,
    stackFile,
    configure: (config) => {
      const known = parse(fs.readFileSync(stackFile, "utf8")) as Record<string, unknown>;
      fs.writeFileSync(stackFile, stringify({ ...known, config }, { lineWidth: 0 }));
    },
    up: (...args) => project.pulumi(["up", "--skip-preview", ...args]),
    preview: (...args) =>
      project.pulumi(["preview", ...(args.length === 0 ? ["--diff", "--expect-no-changes"] : args)]),
    remove: () => {
      killRuns(project);
      project.remove();
    },
    resource: (type, name) => readEntries(project).find(({ urn }) => urn.endsWith(`:${type}::${name}`)),
  };
}

/** Another program for the same stack, say one that uses the components directly. */
export function writeProject(project: ScratchProject, main: string): void {
  const plugin = `{ name: macfoundry, path: ./program/provider/bin }`;
  fs.writeFileSync(
    path.join(project.folder, "Pulumi.yaml"),
    `name: fleet\nruntime: { name: nodejs, options: { typescript: false } }\nmain: ${main}\nstackConfigDir: stacks\n` +
      `plugins: { providers: [${plugin}] }\n`,
  );
}

/** The CLI itself, without our wrapper, as somebody runs it who has a Pulumi of his own. */
export function runPlainPulumi(project: ScratchProject, args: string[]): Promise<Run> {
  const found = findPulumi({ root: ROOT });
  if (found === undefined) throw new Error("there is no Pulumi: run set-up first");
  const child = spawn(found.command, [...args, "--non-interactive", "--color", "never"], {
    cwd: project.folder,
    env: { ...project.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text })));
}

export function readEntries(project: ScratchProject): StateEntry[] {
  const state = JSON.parse(project.readState()) as { checkpoint: { latest?: { resources?: StateEntry[] } } };
  return state.checkpoint.latest?.resources ?? [];
}

/** A Mac as `macfoundry:hosts` names it. */
export function describeHost(mac: SimMac): Record<string, unknown> {
  return {
    address: mac.address,
    port: mac.port,
    user: mac.user,
    identity: mac.identityFile,
    hostKey: mac.hostKey,
  };
}

export function describeHosts(macs: Record<string, SimMac>): Record<string, Record<string, unknown>> {
  return Object.fromEntries(Object.entries(macs).map(([name, mac]) => [name, describeHost(mac)]));
}

/** Every process of a project's runs, on this machine: each has the project's backend in its environment. */
export function listRunProcesses(project: ScratchProject): { pid: number; command: string }[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && readProc(name, "environ").includes(`file://${project.stateFolder}`))
    .map((name) => ({ pid: Number(name), command: readProc(name, "cmdline").replaceAll("\0", " ") }));
}

/** kill -9 of everything on our side: CLI, wrapper, language host, program, providers, connections. */
export function killRuns(project: ScratchProject): void {
  for (const { pid } of listRunProcesses(project)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // it has ended by itself
    }
  }
}

function readProc(pid: string, name: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return ""; // it has ended
  }
}

/** Connections and sessions of the administrator that sshd has logged; needs `logSessions` before. */
export async function countLogins(mac: SimMac): Promise<{ connections: number; execs: number }> {
  const log = await mac.run("cat /.sim/log/sshd.log");
  const count = (pattern: RegExp): number => log.match(pattern)?.length ?? 0;
  return { connections: count(/Accepted publickey for/g), execs: count(/Starting session: command/g) };
}

/** Makes the Mac's sshd log every command's start; what it has logged before is dropped. */
export async function logSessions(mac: SimMac): Promise<void> {
  await mac.run(
    "grep -q VERBOSE /private/etc/ssh/sshd_config || printf 'LogLevel VERBOSE\\n' >>/private/etc/ssh/sshd_config\n" +
      "launchctl kickstart -k system/com.openssh.sshd",
  );
  for (let i = 0; (await runOverSsh(mac, "true")).code !== 0; i += 1) if (i > 20) throw new Error("sshd is not back");
  await mac.run(": >/.sim/log/sshd.log");
}

/** Lines that are in only one of two listings: empty when nothing was changed. */
export function compareListings(before: string, after: string): string[] {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const [oldSet, nowSet] = [new Set(old), new Set(now)];
  return [
    ...old.filter((line) => !nowSet.has(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !oldSet.has(line)).map((line) => `+ ${line}`),
  ];
}
