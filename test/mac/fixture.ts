/** Simulated Macs for tests: each ends with the jest worker that booted it, whatever happens to that. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const macTool = join(dirname(fileURLToPath(import.meta.url)), "mac");

export type MacProfile = "intel-12" | "intel-14" | "arm-15";

export interface BootOptions {
  /** Letters, digits and hyphens; made up when missing. */
  name?: string;
  profile?: MacProfile;
  sip?: "enabled" | "disabled";
  /** Version of macFUSE that is installed, or `absent` (the default). */
  macfuse?: string;
  /** Without the Command Line Tools. */
  noClt?: boolean;
  /** As truncate(1) takes it; the default is 16G (sparse). */
  dataSize?: string;
  /** Where Debian's OCaml is to look like an installed compiler, say `/opt/ocaml-4.13.1`. */
  ocaml?: string;
  /** Public key file for the administrator; by default the simulator's own key. */
  authorizedKey?: string;
  /** Ends with this process instead of the calling one. */
  parent?: number;
  /** More state files (README.md), by name. */
  state?: Record<string, string>;
}

export interface ExecResult {
  code: number;
  stdout: string;
  stderr: string;
}

export interface ExecOptions {
  /** Standard input. */
  input?: string | Buffer;
  /** Bound of the run; the default is 60 s. */
  timeoutMs?: number;
}

/** A fault and what belongs to it: see README.md, "Faults". */
export type FaultName =
  | "sip-on"
  | "sip-off"
  | "kext-not-approved"
  | "no-full-disk-access"
  | "disk-full"
  | "cut-connection"
  | "command"
  | "slow-command"
  | "host-key-changed"
  | "no-sudo";

interface MacInfo {
  name: string;
  profile: MacProfile;
  address: string;
  port: number;
  user: string;
  hostKey: string;
  identityFile?: string;
  pid: number;
  keeper: number;
}

/** Runs the `mac` tool; every exit code is a result. */
function runTool(args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(macTool, args, { stdio: ["pipe", "pipe", "pipe"], timeout: options.timeoutMs ?? 60_000 });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === null) reject(new Error(`mac ${args.join(" ")}: ended by ${signal ?? "nothing"}`));
      else
        resolve({
          code,
          stdout: Buffer.concat(stdout).toString("utf8"),
          stderr: Buffer.concat(stderr).toString("utf8"),
        });
    });
    // A command may end without reading its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

async function runToolOrThrow(args: readonly string[], timeoutMs?: number): Promise<string> {
  const result = await runTool(args, timeoutMs === undefined ? {} : { timeoutMs });
  if (result.code !== 0) throw new Error(`mac ${args.join(" ")}: exit ${result.code}\n${result.stderr}`);
  return result.stdout;
}

export class SimMac {
  constructor(private info: MacInfo) {}

  get name(): string {
    return this.info.name;
  }
  get profile(): MacProfile {
    return this.info.profile;
  }
  get address(): string {
    return this.info.address;
  }
  get port(): number {
    return this.info.port;
  }
  get user(): string {
    return this.info.user;
  }
  /** Private key of the administrator; empty when the Mac was booted with a key of the caller's. */
  get identityFile(): string {
    return this.info.identityFile ?? "";
  }
  /** `ssh-ed25519 AAAA…`, as it was at boot. */
  get hostKey(): string {
    return this.info.hostKey;
  }
  /** Of the Mac's process 1, as this machine sees it; another one after a reboot. */
  get pid(): number {
    return this.info.pid;
  }
  get keeperPid(): number {
    return this.info.keeper;
  }

  /** Runs a script in the Mac's /bin/sh, as root and not over SSH. */
  exec(script: string, options: ExecOptions = {}): Promise<ExecResult> {
    return runTool(["shell", this.name, "/bin/sh", "-c", script], options);
  }

  /** Like exec, for set-up code: throws when the script fails, gives standard output. */
  async run(script: string, options: ExecOptions = {}): Promise<string> {
    const result = await this.exec(script, options);
    if (result.code !== 0) throw new Error(`${this.name}: exit ${result.code} of ${script}\n${result.stderr}`);
    return result.stdout;
  }

  async fault(name: FaultName, ...parameters: readonly (string | number)[]): Promise<void> {
    await runToolOrThrow(["fault", this.name, name, ...parameters.map(String)]);
  }

  /** By the name it was set under (`command:dscl` for command faults), or all. */
  async clearFault(name: FaultName | `command:${string}` | "all"): Promise<void> {
    await runToolOrThrow(["fault", this.name, "--clear", name]);
  }

  /** Boots the same disk anew and waits until sshd answers. */
  async reboot(): Promise<void> {
    await runToolOrThrow(["reboot", this.name]);
    await this.refresh();
  }

  /** After a reboot that the Mac was told from inside. */
  async refresh(): Promise<void> {
    const macs = JSON.parse(await runToolOrThrow(["list", "--json"])) as MacInfo[];
    const info = macs.find((mac) => mac.name === this.name);
    if (info === undefined) throw new Error(`${this.name} is not running`);
    this.info = { ...this.info, ...info };
  }

  /** Whole tree, users and launchd state; equal listings mean that nothing was changed. */
  listing(): Promise<string> {
    return runToolOrThrow(["listing", this.name]);
  }

  async stop(): Promise<void> {
    running.delete(this);
    await runToolOrThrow(["stop", this.name]);
  }

  /** For the end of the process, when nothing can be awaited. */
  stopNow(): void {
    try {
      execFileSync(macTool, ["stop", this.name], { stdio: "ignore" });
    } catch {
      // It was gone already; its keeper watches this process anyway.
    }
  }
}

const running = new Set<SimMac>();
let bootCount = 0;
process.on("exit", () => {
  for (const mac of running) mac.stopNow();
});

/**
 * Boots a Mac: about a second, half a minute more when this machine has no lower image yet.
 * It is stopped by `stop()`, and at the latest when this process ends.
 */
export async function bootMac(options: BootOptions = {}): Promise<SimMac> {
  const name = options.name ?? `test-${process.pid}-${++bootCount}`;
  const args = [
    "boot",
    name,
    "--json",
    "--parent",
    String(options.parent ?? process.pid),
    "--profile",
    options.profile ?? "intel-14",
  ];
  if (options.sip !== undefined) args.push("--sip", options.sip);
  if (options.macfuse !== undefined) args.push("--macfuse", options.macfuse);
  if (options.noClt === true) args.push("--no-clt");
  if (options.ocaml !== undefined) args.push("--ocaml", options.ocaml);
  if (options.dataSize !== undefined) args.push("--data-size", options.dataSize);
  if (options.authorizedKey !== undefined) args.push("--authorized-key", options.authorizedKey);
  for (const [key, value] of Object.entries(options.state ?? {})) args.push("--set", `${key}=${value}`);
  const mac = new SimMac(JSON.parse(await runToolOrThrow(args, 300_000)) as MacInfo);
  running.add(mac);
  return mac;
}

/** An OpenSSH client's words before the command, for tests that want a plain session as the administrator. */
export function sshWords(mac: SimMac, knownHostsFile: string): string[] {
  return [
    ...["-i", mac.identityFile, "-p", String(mac.port), "-o", `UserKnownHostsFile=${knownHostsFile}`],
    ...["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", `${mac.user}@${mac.address}`],
  ];
}

/** Runs a command line over SSH as the administrator; 255 when the connection fails or is cut. */
export function runOverSsh(mac: SimMac, command: string): Promise<ExecResult> {
  return new Promise((resolve) => {
    execFile(macTool, ["ssh", mac.name, command], { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
      resolve({ code, stdout, stderr });
    });
  });
}
