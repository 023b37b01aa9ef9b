import { MacfoundryError, type ErrorCode } from "../../host/errors.js";
import type { Host } from "../../host/host.js";
import type { SandboxRules } from "../sandbox/profile.js";
import { explainRefusal } from "../sandbox/refusal.js";
import { toText, type ByteString } from "../spec/bytes.js";
import type { JobReport } from "./report.js";

/** OBuilder's words for a failed command: each argument in double quotes, nothing escaped. */
export function describeExit(argv: readonly ByteString[], rc: number): string {
  const words = argv.map((word) => `"${toText(word)}"`).join(" ");
  if (rc <= 128 || rc > 128 + 31) return `${words} failed with exit status ${rc}`;
  return `${words} failed with signal ${SIGNALS[rc - 128] ?? `number ${rc - 128}`}`;
}

/** The numbers that macOS and Linux share; a shell reports them as 128 and the number. */
const SIGNALS: Record<number, string> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
};

export interface FailedStep {
  title: string;
  argv: readonly ByteString[];
  rc: number;
  /** The end of the output. */
  tail: string;
  rules: SandboxRules;
  /** Where the whole output is kept on the Mac. */
  logPath: string;
}

export function stepFailed(host: Host, step: FailedStep): MacfoundryError {
  const lines = step.tail.trimEnd().split("\n").slice(-10).join("\n");
  const refusal = explainRefusal(step.tail, step.rules);
  const isFull = /No space left on device|Disk quota exceeded/.test(step.tail);
  return new MacfoundryError({
    code: isFull ? "STORE_FULL" : "STEP_FAILED",
    host: host.name,
    resource: step.title,
    cause: `${describeExit(step.argv, step.rc)}${lines === "" ? "" : `; its last lines:\n${lines}`}`,
    remedy: isFull
      ? "free space on the Mac's Data volume or remove results that are no longer used, then run again: finished steps stay"
      : `${refusal === undefined ? "mend the step" : `${refusal} Mend the step`} (all of its output: ${step.logPath}) and run again: finished steps stay`,
  });
}

/** What went wrong in a job outside the command itself. */
export function jobFailed(host: Host, resource: string, rc: number, report: JobReport): MacfoundryError {
  const trouble = report.trouble.join("\n");
  const fault = report.fault;
  const survivors = report.survivors.length === 0 ? "" : `:\n${report.survivors.join("\n")}`;
  if (fault !== undefined) {
    return new MacfoundryError({
      code: (fault.code in REMEDIES ? fault.code : "COMMAND_FAILED") as ErrorCode,
      host: host.name,
      resource,
      cause: fault.text + survivors,
      remedy: REMEDIES[fault.code] ?? REMEDIES.COMMAND_FAILED ?? "",
    });
  }
  const isFull = /No space left on device|Disk quota exceeded/.test(trouble);
  return new MacfoundryError({
    code: isFull ? "STORE_FULL" : "COMMAND_FAILED",
    host: host.name,
    resource,
    cause: `exit status ${rc}${trouble === "" ? "" : `: ${trouble}`}`,
    remedy: (isFull ? REMEDIES.STORE_FULL : REMEDIES.COMMAND_FAILED) ?? "",
  });
}

const REMEDIES: Record<string, string> = {
  NOT_OWNED:
    "move those things away, or set `adopt: true`: then they are set aside below /var/db/macfoundry/set-aside, and nothing is deleted",
  STORE_CORRUPT: "run again: the missing result is built anew",
  STORE_FULL:
    "free space on the Mac's Data volume or remove results that are no longer used, then run again: finished steps stay",
  STEP_FAILED: "mend the step and run again: finished steps stay",
  SOURCE_INVALID: "build the image that this one starts from first",
  NEEDS_HUMAN:
    "a process that the kernel cannot end waits for a device or a file system: restart the Mac, then run again",
  CONFIG_INVALID: "mend the stack file and run again",
  COMMAND_FAILED: "read the message above, mend the cause on the Mac, and run again: finished steps stay",
};
