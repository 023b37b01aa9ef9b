import { checkOneOf } from "../checks.js";
import type { Platform } from "../platform.js";
import type { Change, Problem, Props, StateResource } from "../resource.js";
import { macFuseFacts } from "./facts.js";
import type { MacFuseFacts } from "./facts.js";
import { describeMacFuseProcedure, describeRemoval } from "./procedure.js";

export interface MacFuseInputs extends Props {
  host: string;
  macfuse: "any" | "absent" | "loaded";
}

export interface MacFuseObserved extends Props {
  macfuse: "absent" | "installed" | "loaded";
  version: string;
  consent: string;
  arch: string;
  macos: string;
}

export const macfuse: StateResource<MacFuseInputs, MacFuseObserved, MacFuseFacts> = {
  folder: "macfuse",
  type: "MacFuse",
  facts: macFuseFacts,

  check(props) {
    const problems: Problem[] = [];
    checkOneOf(problems, props, "macfuse", ["any", "absent", "loaded"]);
    return problems;
  },

  read({ arch, macos, consent, version, isLoaded }) {
    const state = isLoaded ? "loaded" : version === undefined ? "absent" : "installed";
    return { macfuse: state, version: version ?? "absent", consent, arch, macos };
  },

  plan(observed, inputs): Change[] {
    if (observed === undefined || inputs.macfuse === "any" || inputs.macfuse === observed.macfuse) return [];
    const platform: Platform = { arch: observed.arch === "arm64" ? "arm64" : "x86_64", macos: observed.macos };
    const human =
      inputs.macfuse === "absent"
        ? describeRemoval()
        : describeMacFuseProcedure(platform, observed.macfuse === "installed");
    return [{ path: "macfuse", live: observed.macfuse, desired: inputs.macfuse, human }];
  },

  apply: () => Promise.resolve(),
  remove: () => Promise.resolve(),

  importInputs: (facts) => ({
    host: "",
    macfuse: facts.isLoaded ? "loaded" : facts.version === undefined ? "absent" : "any",
  }),
};
