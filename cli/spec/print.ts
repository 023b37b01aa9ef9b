import { printSpecHum, printSpecMach } from "../../builder/spec/canonical.js";
import { printSpecLayout } from "../../builder/spec/layout.js";
import { parseOptions, takeChoice, takeFile, UsageError } from "./options.js";
import { loadSpec, reportErrors, writeLine } from "./source.js";

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
