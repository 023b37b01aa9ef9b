import * as fs from "node:fs";
import * as path from "node:path";

const FOLDER = path.resolve(import.meta.dirname, "../../mac/samples");

/** Standard output of a recorded answer of macOS: `test/mac/samples/<name>.txt`. */
export function readSample(name: string): string {
  const text = fs.readFileSync(path.join(FOLDER, `${name}.txt`), "utf8");
  const [, stdout] = /^--- stdout\n([\s\S]*?)(?:^--- stderr$|(?![\s\S]))/m.exec(text) ?? [];
  return stdout ?? "";
}
