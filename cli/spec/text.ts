import { toBytes, type ByteString } from "../../builder/spec/bytes.js";
import { printSpecHum, printSpecMach } from "../../builder/spec/canonical.js";
import { printDockerfile } from "../../builder/spec/dockerfile.js";
import { printSpecLayout } from "../../builder/spec/layout.js";
import { parseOptions, takeChoice, takeFile, UsageError } from "./options.js";
import { loadSpec, reportErrors } from "./source.js";

/** `spec check FILE [--json]` */
export function runCheck(argv: string[]): number {
  const options = parseOptions(argv, { json: "flag" });
  const { name, result } = loadSpec(takeFile(options));
  if (options.has("json")) {
    const errors = result.ok ? [] : result.errors;
    const shown = errors.map(({ code, line, column, message, remedy }) => ({
      code,
      line,
      column,
      message: remedy === undefined ? message : `${message}: ${remedy}`,
    }));
    process.stdout.write(`${JSON.stringify({ ok: result.ok, errors: shown })}\n`);
  } else if (result.ok) {
    process.stdout.write(`${name}: ok\n`);
  } else {
    reportErrors(name, result.lines, result.errors);
  }
  return result.ok ? 0 : 1;
}

/** `spec print FILE --form mach|hum|pp` */
export function runPrint(argv: string[]): number {
  const options = parseOptions(argv, { form: "value" });
  const form = takeChoice(options, "form", ["mach", "hum", "pp"]);
  if (form === undefined) throw new UsageError("--form is missing: mach, hum or pp");
  const { name, result } = loadSpec(takeFile(options));
  if (!result.ok) {
    reportErrors(name, result.lines, result.errors);
    return 1;
  }
  const print = { mach: printSpecMach, hum: printSpecHum, pp: printSpecLayout }[form];
  writeLine(print(result.spec));
  return 0;
}

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

/** One newline behind the text, as the original's command line puts it (behind a Dockerfile, too). */
function writeLine(text: ByteString): void {
  process.stdout.write(Buffer.concat([toBytes(text), Buffer.from("\n")]));
}
