import { parseOptions, takeFile } from "./options.js";
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
