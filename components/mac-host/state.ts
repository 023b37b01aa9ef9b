import { checkOneOf, checkPattern } from "../checks.js";
import { isVersionWithin, majorOf } from "../platform.js";
import type { Change, Problem, Props, StateResource } from "../resource.js";
import { machineFacts } from "./facts.js";
import type { MachineFacts } from "./facts.js";

/** What the pool expects of each of its Macs; a Mac that is otherwise is refused. */
export interface MachineInputs extends Props {
  host: string;
  arch: "x86_64" | "arm64";
  /** `14` or `14.5`. */
  macos?: string;
}

export interface MachineObserved extends Props {
  arch: string;
  macos: string;
  build: string;
  model: string;
  cores: number;
  memoryGiB: number;
  commandLineTools: string;
  fullDiskAccess: string;
  computerName: string;
}

/** macOS releases whose answers docs/on-the-mac.md vouches for. */
const OLDEST_MACOS = 12;

export const machine: StateResource<MachineInputs, MachineObserved, MachineFacts> = {
  folder: "mac-host",
  type: "MacHost",
  facts: machineFacts,

  check(props) {
    const problems: Problem[] = [];
    checkOneOf(problems, props, "arch", ["x86_64", "arm64"]);
    if (props["macos"] !== undefined) {
      checkPattern(problems, "macos", props["macos"], /^\d+(\.\d+){0,2}$/, 'a version in quotes, "14" or "14.5"');
    }
    return problems;
  },

  read(facts) {
    return { ...facts, commandLineTools: facts.commandLineTools ?? "absent" };
  },

  plan(observed, { arch, macos }) {
    const changes: Change[] = [];
    if (observed === undefined) return changes;
    if (observed.arch !== arch) {
      changes.push({
        path: "arch",
        live: observed.arch,
        desired: arch,
        code: "HOST_MISMATCH",
        human: `put this Mac into a pool for ${observed.arch}, or correct fleet:expect.arch`,
      });
    }
    if (macos !== undefined && !isVersionWithin(observed.macos, macos)) {
      changes.push({
        path: "macos",
        live: observed.macos,
        desired: macos,
        code: "HOST_MISMATCH",
        human: `bring the Mac to macOS ${macos} (System Settings, General, Software Update), or correct fleet:expect.macos`,
      });
    } else if (majorOf(observed.macos) < OLDEST_MACOS) {
      changes.push({
        path: "macos",
        live: observed.macos,
        desired: `${OLDEST_MACOS} or newer`,
        code: "UNSUPPORTED_MACOS",
        human: `bring the Mac to macOS ${OLDEST_MACOS} or newer; nothing older was ever tried`,
      });
    }
    return changes;
  },

  summarize: (live) =>
    `${live.model}, ${live.cores} cores, ${live.memoryGiB} GiB, ${live.arch}; macOS ${live.macos} (${live.build}); ` +
    `Command Line Tools ${live.commandLineTools}; Full Disk Access of SSH: ${live.fullDiskAccess}`,

  // A Mac is what it is: all differences are for people.
  apply: () => Promise.resolve(),
  remove: () => Promise.resolve(),

  importInputs(facts) {
    return { host: "", arch: facts.arch, macos: String(majorOf(facts.macos)) };
  },
};
