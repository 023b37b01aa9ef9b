import type { BuildEvents, StepOutcome } from "../../builder/build/build.js";
import { writeOut } from "../write-out.js";
import type { Verbosity } from "./options.js";

const BRIGHT_BLUE = "94";
const YELLOW = "33";

export interface Output {
  write(chunk: Buffer | string): void;
  tell(line: string): void;
}

export function standardOutput(): Output {
  return { write: writeOut, tell: (line) => void process.stderr.write(`${line}\n`) };
}

/** OBuilder's log: headings and notes as lines, output as it comes. */
export function showBuild(output: Output, options: { isColoured: boolean; verbosity: Verbosity }): BuildEvents {
  const line = (text: string, colour: string): void =>
    output.write(options.isColoured ? `\u001b[${colour}m${text}\u001b[0m\n` : `${text}\n`);
  const isTalking = options.verbosity === "info" || options.verbosity === "debug";
  return {
    onHeading: (text) => line(text, BRIGHT_BLUE),
    onNote: (text) => line(text, YELLOW),
    onOutput: (chunk) => output.write(chunk),
    onStep: isTalking
      ? ({ index, total, title, isCached }) =>
          output.tell(`macfoundry: step ${index} of ${total}: ${title}${isCached ? " (cached)" : ""}`)
      : undefined,
  };
}

/** One line a step, for `--verbosity=info`. */
export function summarizeSteps(steps: readonly StepOutcome[]): string {
  return steps
    .map(({ id, title, isCached, seconds, bytes }) => {
      const size = bytes === undefined ? "" : ` ${(bytes / (1 << 20)).toFixed(1)} MiB`;
      const time = isCached ? "cached" : seconds === undefined ? "" : `${seconds.toFixed(2)} s`;
      return `macfoundry: ${id.slice(0, 12)} ${time}${size} ${title}`;
    })
    .join("\n");
}
