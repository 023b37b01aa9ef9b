import { checkOneOf } from "../checks.js";
import { PLATFORM_SCRIPT, parseKeyValues, readPlatform } from "../platform.js";
import type { Platform } from "../platform.js";
import type { Change, Problem, Props, StateResource } from "../resource.js";
import { describeSipProcedure } from "./procedure.js";

export interface SipInputs extends Props {
  host: string;
  sip: "any" | "enabled" | "disabled";
}

export interface SipObserved extends Props {
  sip: "enabled" | "disabled" | "custom";
  arch: string;
  macos: string;
}

export interface SipFacts extends Platform {
  sip: SipObserved["sip"];
}

const SCRIPT = `
${PLATFORM_SCRIPT}
csrutil status
`;

/**
 * The one line that counts: the rows below it always hold words like "disabled" too. `enabled (Apple Internal).` is
 * seen as well; "unknown (Custom Configuration)." is neither.
 */
export function parseSip(text: string): SipFacts {
  const status = /^System Integrity Protection status: (enabled|disabled|unknown)\b/m.exec(text)?.[1];
  const sip = status === "enabled" || status === "disabled" ? status : "custom";
  return { ...readPlatform(parseKeyValues(text)), sip };
}

export const sip: StateResource<SipInputs, SipObserved, SipFacts> = {
  folder: "sip",
  type: "SipState",
  facts: { name: "sip", script: SCRIPT, parse: parseSip },

  check(props) {
    const problems: Problem[] = [];
    checkOneOf(problems, props, "sip", ["any", "enabled", "disabled"]);
    return problems;
  },

  read: (facts) => ({ sip: facts.sip, arch: facts.arch, macos: facts.macos }),

  plan(observed, inputs): Change[] {
    if (observed === undefined || inputs.sip === "any" || inputs.sip === observed.sip) return [];
    const platform: Platform = { arch: observed.arch === "arm64" ? "arm64" : "x86_64", macos: observed.macos };
    return [
      { path: "sip", live: observed.sip, desired: inputs.sip, human: describeSipProcedure(platform, inputs.sip) },
    ];
  },

  apply: () => Promise.resolve(),
  remove: () => Promise.resolve(),

  importInputs: (facts) => ({ host: "", sip: facts.sip === "custom" ? "any" : facts.sip }),
};
