// Runs one command, here or on a Mac, in a process group of its own so that Cancel can end all of it.
import { spawn } from "node:child_process";

const KILL_AFTER_MS = 3000;
const running = new Set();

/** Ends whatever runs: politely, and after three seconds by force. */
export function cancelAll() {
  for (const end of running) end();
}

/**
 * @param {string[]} argv
 * @param {{ stdin?: string | Buffer, env?: Record<string, string>, dir?: string, onLine?: (line: string, stream: "stdout" | "stderr") => void }} options
 * @returns {Promise<{ status: string | undefined, code: number | null, stdout: string, stderr: string, both: string }>} status: how it
 * ended, in Go's words; undefined for success
 */
export function runProcess(argv, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: options.dir,
      env: { ...process.env, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    const end = () => {
      signalGroup(child.pid, "SIGTERM");
      setTimeout(() => signalGroup(child.pid, "SIGKILL"), KILL_AFTER_MS).unref();
    };
    running.add(end);
    const texts = { stdout: [], stderr: [], both: [] };
    const rests = { stdout: "", stderr: "" };
    const feed = (stream) => (chunk) => {
      texts[stream].push(chunk);
      texts.both.push(chunk);
      const lines = (rests[stream] + chunk.toString("utf8")).split("\n");
      rests[stream] = lines.pop() ?? "";
      for (const line of lines) options.onLine?.(line, stream);
    };
    child.stdout.on("data", feed("stdout"));
    child.stderr.on("data", feed("stderr"));
    child.on("error", (error) => {
      running.delete(end);
      reject(error);
    });
    child.on("close", (code, signal) => {
      running.delete(end);
      for (const stream of ["stdout", "stderr"]) if (rests[stream] !== "") options.onLine?.(rests[stream], stream);
      const [stdout, stderr, both] = ["stdout", "stderr", "both"].map((name) =>
        Buffer.concat(texts[name]).toString("utf8"),
      );
      resolve({ status: describeEnd(code, signal), code, stdout, stderr, both });
    });
    // A command that does not read its input is no error.
    child.stdin.on("error", () => {});
    child.stdin.end(options.stdin ?? "");
  });
}

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

const SIGNAL_NAMES = { SIGTERM: "terminated", SIGKILL: "killed", SIGINT: "interrupt", SIGHUP: "hangup" };

function describeEnd(code, signal) {
  if (code === 0) return undefined;
  return code === null ? `signal: ${SIGNAL_NAMES[signal] ?? signal}` : `exit status ${code}`;
}

/** A text in double quotes as Go's %q prints it: the real plugin quotes the command in its errors that way. */
export function quoteGo(text) {
  const names = { "\u0007": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v" };
  const body = text.replace(/[\u0000-\u001f"\\\u007f]/g, (character) => {
    if (character === '"' || character === "\\") return `\\${character}`;
    return names[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${body}"`;
}
