import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { getPulumiHome } from "#tools/lib/pulumi.mjs";

const ROOT = path.resolve(import.meta.dirname, "../..");
const FLAGS = ["--non-interactive", "--color", "never", "--suppress-progress"];

export interface Run {
  code: number | null;
  /** Both streams as they came. */
  text: string;
}

/** A Pulumi project of a test's own, with state in files beside it, run by the real CLI through `bin/macfoundry pulumi`. */
export interface ScratchProject {
  folder: string;
  stateFolder: string;
  env: Record<string, string>;
  writeProgram(text: string): void;
  /** `up` and `destroy` get `--yes`, all get the flags for a quiet log. */
  pulumi(args: string[], env?: Record<string, string | undefined>): Promise<Run>;
  /** The same without waiting. */
  start(
    args: string[],
    env?: Record<string, string | undefined>,
  ): { child: ChildProcess; done: Promise<Run>; text(): string };
  readState(): string;
  /** Ends what a failed test may have left, and removes everything. */
  remove(): void;
}

/** A stack `dev` exists. The command plugin is the machine's, put there by set-up. */
export async function makeScratchProject(name: string): Promise<ScratchProject> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `macfoundry-${name}-`));
  const stateFolder = path.join(folder, "state");
  fs.mkdirSync(stateFolder);
  fs.mkdirSync(path.join(folder, "stacks"));
  fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  fs.writeFileSync(path.join(folder, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(
    path.join(folder, "Pulumi.yaml"),
    `name: ${name}\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.mjs\nstackConfigDir: stacks\n`,
  );
  const env: Record<string, string> = {
    ...getPlainEnvironment(),
    PULUMI_HOME: linkPulumiHome(folder),
    PULUMI_BACKEND_URL: `file://${stateFolder}`,
    PULUMI_CONFIG_PASSPHRASE: "",
  };
  const started = new Set<ChildProcess>();
  const start: ScratchProject["start"] = (args, extra = {}) => {
    const [name = ""] = args;
    const flags = ["up", "destroy"].includes(name)
      ? [...FLAGS, "--yes"]
      : name === "preview"
        ? FLAGS
        : FLAGS.slice(0, 3);
    const child = spawn(path.join(ROOT, "bin/macfoundry"), ["pulumi", ...args, ...flags], {
      cwd: folder,
      env: { ...env, ...extra },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.add(child);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    const done = new Promise<Run>((resolve) => child.on("close", (code) => resolve({ code, text })));
    return { child, done, text: () => text };
  };
  const project: ScratchProject = {
    folder,
    stateFolder,
    env,
    writeProgram: (text) => fs.writeFileSync(path.join(folder, "index.mjs"), text),
    pulumi: (args, extra) => start(args, extra).done,
    start,
    readState: () => fs.readFileSync(path.join(stateFolder, ".pulumi/stacks", name, "dev.json"), "utf8"),
    remove: () => {
      for (const child of started) child.kill("SIGKILL");
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
  const created = await project.pulumi(["stack", "init", "dev"]);
  if (created.code !== 0) throw new Error(created.text);
  return project;
}

function getPlainEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PULUMI_|NODE_OPTIONS$|SSH_)/.test(name));
  return Object.fromEntries(kept.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** A home of the test's own that shares only the plugins: selected stacks and logs stay here. */
function linkPulumiHome(folder: string): string {
  const home = path.join(folder, "home");
  fs.mkdirSync(home);
  fs.symlinkSync(path.join(getPulumiHome(), "plugins"), path.join(home, "plugins"));
  return home;
}

/** Processes, as `ps` shows them, whose command holds `text`. */
export function findProcesses(text: string): { pid: number; command: string }[] {
  const { stdout } = spawnSync("ps", ["-axww", "-o", "pid=,command="], { encoding: "utf8", maxBuffer: 1 << 26 });
  return stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+) (.*)$/.exec(line);
    const [, pid, command = ""] = match ?? [];
    return pid !== undefined && command.includes(text) ? [{ pid: Number(pid), command }] : [];
  });
}

export async function waitFor(what: string, isTrue: () => boolean, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
