import { asBytes, toText, type ByteString } from "./bytes.js";

/** SPEC_SYNTAX: not one S-expression. SPEC_INVALID: an S-expression that is no spec, or one that can't be built. */
export type SpecErrorCode = "SPEC_SYNTAX" | "SPEC_INVALID";

/** One finding. `offset` counts bytes from 0; lines and columns count from 1, columns in bytes. */
export interface SpecError {
  readonly code: SpecErrorCode;
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  /** What is wrong, in one sentence; never holds a secret's value. */
  readonly message: string;
  /** The next step, when there is an obvious one. */
  readonly remedy?: string;
}

/** A finding before its line and column are known. */
export interface Finding {
  readonly code: SpecErrorCode;
  readonly offset: number;
  readonly message: string;
  readonly remedy?: string;
  /** Offset of another place the remedy points to; its line and column are put behind the remedy. */
  readonly related?: number;
}

const LF = 10;

/** Finds lines and columns by offset; lines end at LF only, as in the original's positions. */
export class LineIndex {
  readonly #starts: number[] = [0];
  readonly #source: Uint8Array;

  constructor(source: Uint8Array) {
    this.#source = source;
    for (let at = source.indexOf(LF); at !== -1; at = source.indexOf(LF, at + 1)) this.#starts.push(at + 1);
  }

  place(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (this.#starts[low] ?? 0) + 1 };
  }

  locate(finding: Finding): SpecError {
    const { related, remedy, ...rest } = finding;
    const error: SpecError = { ...rest, ...this.place(finding.offset) };
    if (remedy === undefined) return error;
    if (related === undefined) return { ...error, remedy };
    const { line, column } = this.place(related);
    return { ...error, remedy: `${remedy} at line ${line}, column ${column}` };
  }

  /** The bytes of a line (from 1) without its line end. */
  lineBytes(line: number): Uint8Array {
    const start = this.#starts[line - 1] ?? this.#source.length;
    const next = this.#starts[line];
    return this.#source.subarray(start, next === undefined ? this.#source.length : next - 1);
  }
}

const FRAME_WIDTH = 100;

/** The line of an error with a caret below it. Long lines are cut around the place; unprintable bytes show as `?`. */
export function renderFrame(lines: LineIndex, error: { line: number; column: number }): string {
  const bytes = lines.lineBytes(error.line);
  const at = error.column - 1;
  const from = Math.max(0, Math.min(at - FRAME_WIDTH / 2, bytes.length - FRAME_WIDTH));
  const before = displayText(bytes.subarray(from, at));
  const after = displayText(bytes.subarray(at, from + FRAME_WIDTH));
  const number = String(error.line);
  const gutter = " ".repeat(number.length);
  const [cutLeft, cutRight] = [from > 0 ? "…" : "", from + FRAME_WIDTH < bytes.length ? "…" : ""];
  const caret = " ".repeat(cutLeft.length + [...before].length);
  return ` ${number} | ${cutLeft}${before}${after}${cutRight}\n ${gutter} | ${caret}^\n`;
}

function displayText(bytes: Uint8Array): string {
  const text = toText(asBytes(Buffer.from(bytes).toString("latin1")));
  // A tab would move the caret, an escape sequence would move the terminal's cursor.
  return text.replace(/\t/g, " ").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/** `FILE:LINE:COLUMN: CODE: message`, the frame, and the remedy: what the command line shows. */
export function renderError(file: string, lines: LineIndex, error: SpecError): string {
  const head = `${file}:${error.line}:${error.column}: ${error.code}: ${error.message}\n`;
  const remedy = error.remedy === undefined ? "" : `   = ${error.remedy}\n`;
  return head + renderFrame(lines, error) + remedy;
}

/** A byte string quoted for a message, cut when long. */
export function quoteForMessage(bytes: ByteString): string {
  const text = JSON.stringify(toText(bytes));
  return text.length <= 80 ? text : `${text.slice(0, 77)}…"`;
}
