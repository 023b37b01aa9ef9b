import type { StepId } from "../ids/ids.js";

/** What a build tells while it goes on. Texts are for people; `onOutput` gives the commands' own bytes. */
export interface BuildEvents {
  /** `WORKDIR: OP`, `(from NAME)`, `(build "NAME" …)`: the original's headings. */
  onHeading?: ((text: string) => void) | undefined;
  onOutput?: ((chunk: Buffer) => void) | undefined;
  /** The original's notes (`---> saved as "ID"`), and ours. */
  onNote?: ((text: string) => void) | undefined;
  /** Before each step: number `index` of `total`, what it is, and whether the store has it. */
  onStep?: ((step: StepProgress) => void) | undefined;
}

export interface StepProgress {
  index: number;
  total: number;
  kind: "from" | "run" | "copy";
  /** One line of the op, shortened. */
  title: string;
  isCached: boolean;
}

export interface StepOutcome {
  id: StepId;
  kind: "from" | "run" | "copy";
  title: string;
  isCached: boolean;
  /** Wall time of the step when it was run, also told for a cached one; undefined when nobody recorded it. */
  seconds: number | undefined;
  /** Size of the result's tree on disk as du(1) counts it, shared blocks included. */
  bytes: number | undefined;
}

export interface BuildResult {
  /** Id of the last step: the result that the builder's trees hold now. */
  id: StepId;
  steps: StepOutcome[];
}
