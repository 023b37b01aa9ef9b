import type { Platform } from "../platform.js";

/**
 * How a person changes System Integrity Protection. It can't be done over SSH: csrutil changes it only in Recovery
 * (csrutil(8)); Apple silicon also asks for the name and password of an owner of the volume.
 */
export function describeSipProcedure({ arch }: Platform, wanted: "enabled" | "disabled"): string {
  const verb = wanted === "enabled" ? "enable" : "disable";
  const start =
    arch === "arm64"
      ? 'shut the Mac down; hold the power button until "Loading startup options" shows; Options, Continue'
      : "restart the Mac and hold Cmd-R until the Apple logo shows";
  const answer = arch === "arm64" ? "; answer y and give an administrator's name and password" : "";
  return `at the Mac: ${start}; Utilities, Terminal; type \`csrutil ${verb}\`${answer}; restart; then run this again`;
}
