import { spawn } from "node:child_process";

/**
 * Runs a command to its end, its whole process group with it. Never throws for a failing command.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, timeoutMs?: number, onLine?: (line: string) => void, graceMs?: number }} [options]
 * @returns {Promise<{ code: number | null, signal: string | null, timedOut: boolean, output: string }>} output: both streams as they came
 */
export function runCommand(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const chunks = [];
    let timedOut = false;
    let rest = "";
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It has ended by itself.
      }
    };
    const forward = (signal) => end(signal);
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            end("SIGTERM");
            setTimeout(() => end("SIGKILL"), options.graceMs ?? 5000).unref();
          }, options.timeoutMs);
    const feed = (chunk) => {
      chunks.push(chunk);
      if (options.onLine === undefined) return;
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(options.onLine);
    };
    const finish = (code, signal, text) => {
      clearTimeout(timer);
      liveCommands.delete(forward);
      if (rest !== "") options.onLine?.(rest);
      const output = Buffer.concat(chunks).toString("utf8") + text;
      resolve({ code, signal, timedOut, output });
    };
    child.stdout.on("data", feed);
    child.stderr.on("data", feed);
    child.on("error", (error) => finish(null, null, `${command}: ${error.message}\n`));
    child.on("close", (code, signal) => finish(code, signal, ""));
    if (child.pid !== undefined) liveCommands.add(forward);
  });
}

const liveCommands = new Set();

/** Ctrl-C reaches what we started, in its own process group, and then us. */
export function forwardSignals() {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ]) {
    process.on(signal, () => {
      for (const forward of liveCommands) forward(signal);
      const wait = setInterval(() => {
        if (liveCommands.size === 0) process.exit(code);
      }, 50);
      setTimeout(() => {
        clearInterval(wait);
        for (const forward of liveCommands) forward("SIGKILL");
        process.exit(code);
      }, 10_000);
    });
  }
}
