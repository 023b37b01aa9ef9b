import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ScratchRoot } from "../host/scratch-root.js";

const CLONE = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const INSIDE = "/opt/macfoundry-clone";

export interface CliEnd {
  code: number;
  stdout: string;
  stderr: string;
}

/** A machine with one builder, and this clone's real command line on it: `--local` means that machine. */
export class CliLab {
  private constructor(readonly root: ScratchRoot) {}

  static async open(): Promise<CliLab> {
    const root = await ScratchRoot.open();
    root.addUser("mac705", 705, "/Users/mac705");
    root.sh(`mkdir -p ${INSIDE} /opt/homebrew`);
    const [nsenter = "", ...words] = root.prefix.slice(0, 4);
    execFileSync(nsenter, [...words, "--", "mount", "--bind", CLONE, join(root.path, INSIDE)]);
    return new CliLab(root);
  }

  /** Writes a file in the lab; gives its path there. */
  file(path: string, text: string): string {
    const outside = this.root.outside(path);
    mkdirSync(dirname(outside), { recursive: true });
    writeFileSync(outside, text);
    return path;
  }

  sh(script: string): string {
    return this.root.sh(script);
  }

  run(
    words: readonly string[],
    hooks: { onStart?: (interrupt: () => void) => void; input?: string } = {},
  ): Promise<CliEnd> {
    const [program = "", ...prefix] = this.root.prefix;
    const child = spawn(program, [...prefix, process.execPath, join(INSIDE, "bin/macfoundry"), ...words], {
      stdio: "pipe",
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", HOME: "/root" },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.stdin.end(hooks.input ?? "");
    hooks.onStart?.(() => void execFileSync("pkill", ["-INT", "-P", String(child.pid)]));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) =>
        resolve({
          code: code ?? 255,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        }),
      );
    });
  }

  close(): Promise<void> {
    return this.root.close();
  }
}
