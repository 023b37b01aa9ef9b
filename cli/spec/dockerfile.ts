import { printDockerfile } from "../../builder/spec/dockerfile.js";
import { parseOptions, takeChoice, takeFile } from "./options.js";
import { loadSpec, reportErrors, writeLine } from "./source.js";

/** `spec dockerfile FILE [--buildkit] [--escape unix|windows]` */
export function runDockerfile(argv: string[]): number {
  const options = parseOptions(argv, { buildkit: "flag", escape: "value" });
  const escape = takeChoice(options, "escape", ["unix", "windows"]) ?? "unix";
  const { name, result } = loadSpec(takeFile(options));
  if (!result.ok) {
    reportErrors(name, result.lines, result.errors);
    return 1;
  }
  const dockerfile = printDockerfile(result.spec, { buildkit: options.has("buildkit"), escape });
  if (!dockerfile.ok) {
    const offset = result.places.find(dockerfile.op) ?? 0;
    const remedy = "put a (user (uid N) (gid N)) before it, or leave out --buildkit";
    const error = result.lines.locate({ code: "SPEC_INVALID", offset, message: dockerfile.message, remedy });
    reportErrors(name, result.lines, [error]);
    return 1;
  }
  writeLine(dockerfile.text);
  return 0;
}
