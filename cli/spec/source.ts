import * as fs from "node:fs";
import { toBytes, type ByteString } from "../../builder/spec/bytes.js";
import { renderError, type LineIndex, type SpecError } from "../../builder/spec/errors.js";
import { parseSpec, type ParseResult } from "../../builder/spec/parse.js";
import { UsageError } from "./options.js";

export interface LoadedSpec {
  /** The file's name for messages. */
  readonly name: string;
  readonly result: ParseResult;
}

/** @throws UsageError when the file can't be read */
export function loadSpec(file: string): LoadedSpec {
  return { name: file === "-" ? "standard input" : file, result: parseSpec(readInput(file)) };
}

/** The bytes of a file named on the command line. */
export function readInput(file: string): Buffer {
  try {
    return file === "-" ? readStandardInput() : fs.readFileSync(file);
  } catch (error) {
    throw new UsageError(`can't read ${file}: ${describeError(error)}`);
  }
}

/** Standard input may be a pipe that answers "nothing yet" instead of waiting. */
function readStandardInput(): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    try {
      const bytesRead = fs.readSync(0, chunk);
      if (bytesRead === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, bytesRead));
    } catch (error) {
      if (describeError(error) === "EOF") return Buffer.concat(chunks);
      if (describeError(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

export function describeError(error: unknown): string {
  const hasCode = typeof error === "object" && error !== null && "code" in error && typeof error.code === "string";
  return hasCode ? String(error.code) : String(error);
}

const SHOWN_ERRORS = 50;

/** Errors for people, on stderr: where, what, the line with a caret, and the next step. */
export function reportErrors(name: string, lines: LineIndex, errors: readonly SpecError[]): void {
  const shown = errors.slice(0, SHOWN_ERRORS).map((error) => renderError(name, lines, error));
  const rest = errors.length - shown.length;
  process.stderr.write(shown.join("") + (rest > 0 ? `${name}: and ${rest} more errors\n` : ""));
}

/** One newline behind the text, as the original's command line puts it (behind a Dockerfile, too). */
export function writeLine(text: ByteString): void {
  process.stdout.write(Buffer.concat([toBytes(text), Buffer.from("\n")]));
}
