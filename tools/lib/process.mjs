// Questions about other processes of this machine, on Linux and macOS.
import * as fs from "node:fs";
import { execFileSync } from "node:child_process";

/** An opaque text that differs between two processes that had the same pid; undefined when the process is gone. */
export function getProcessStart(pid) {
  if (process.platform === "linux") {
    const fields = readStat(pid);
    return fields?.[19];
  }
  try {
    return (
      execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}

/** False for a zombie, and for another process that got the same pid (when `start` is known). */
export function isProcessAlive(pid, start) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return false;
  }
  if (process.platform === "linux" && readStat(pid)?.[0] === "Z") return false;
  return start === undefined || getProcessStart(pid) === start;
}

/** Fields of /proc/PID/stat from the state on (field 3 of proc(5)); the name before may hold blanks and brackets. */
function readStat(pid) {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Every process as { pid, ppid, command }, from `ps`. */
export function listProcesses() {
  const text = execFileSync("ps", ["-axww", "-o", "pid=,ppid=,command="], { encoding: "utf8", maxBuffer: 64 << 20 });
  return text.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match === null ? [] : [{ pid: Number(match[1]), ppid: Number(match[2]), command: match[3] }];
  });
}
