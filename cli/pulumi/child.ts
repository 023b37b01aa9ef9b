import { spawn, spawnSync } from "node:child_process";
import * as os from "node:os";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs Pulumi's CLI with our terminal and answers its exit code (128 + n when a signal ended it). A second SIGINT makes
 * the CLI stop at once and leave its state inconsistent, so Ctrl-C, which a terminal sends to both of us, is not passed on.
 */
export function runChild(command: string, args: string[], env: Record<string, string>, cwd: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: "inherit" });
    const forward = (signal: NodeJS.Signals): void => {
      if (signal === "SIGINT" && isForeground()) return;
      child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const finish = (): void => {
      for (const signal of FORWARDED) process.off(signal, forward);
    };
    child.on("error", (error) => {
      finish();
      reject(error);
    });
    child.on("close", (code, signal) => {
      finish();
      resolve(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]));
    });
  });
}

/** Whether the terminal's Ctrl-C goes to our process group: then the CLI, in the same group, has it already. */
function isForeground(): boolean {
  const { stdout } = spawnSync("ps", ["-o", "pgid=,tpgid=", "-p", String(process.pid)], { encoding: "utf8" });
  const [group, foreground] = stdout.trim().split(/\s+/);
  return group !== undefined && group === foreground;
}
