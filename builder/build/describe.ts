import type { EnvPair } from "../ids/index.js";
import { asBytes, opToSexp, printMach, toText, type Op, type Spec } from "../spec/index.js";
import type { StepOutcome } from "./events.js";
import { totalSeconds, type JobReport } from "./report.js";

/** Runs, copies and bases, nested ones too. */
export function countSteps(spec: Spec): number {
  const own = 1 + spec.ops.filter(({ op }) => op === "run" || op === "copy").length;
  return spec.builds.reduce((sum, build) => sum + countSteps(build.spec), own);
}

/** One line, short enough for a status line. */
export function titleOf(op: Op): string {
  const text = op.op === "run" ? `run ${toText(op.shell)}` : toText(printMach(opToSexp(op)));
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 100 ? `${line.slice(0, 99)}…` : line;
}

export function measures(report: JobReport): Pick<StepOutcome, "seconds" | "bytes"> {
  return { seconds: totalSeconds(report), bytes: report.kib === undefined ? undefined : report.kib * 1024 };
}

/** Where OBuilder's macOS sandbox puts secrets is told by this variable (after v0.7.0); it is no part of an id. */
export function secretsFolder(targets: readonly string[]): EnvPair[] {
  const folders = new Set(targets.map((target) => target.slice(0, target.lastIndexOf("/"))));
  const [folder] = folders;
  return folders.size === 1 && folder !== undefined ? [[asBytes("OBUILDER_SECRETS_DIR"), asBytes(folder)]] : [];
}
