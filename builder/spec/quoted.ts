import { asBytes, type ByteString } from "./bytes.js";

const [LF, CR, SPACE, TAB, QUOTE, HASH, BAR, BACKSLASH] = [0x0a, 0x0d, 0x20, 0x09, 0x22, 0x23, 0x7c, 0x5c] as const;
const SIMPLE_ESCAPES: Readonly<Record<number, string>> = {
  0x6e: "\n",
  0x72: "\r",
  0x74: "\t",
  0x62: "\b",
  0x5c: "\\",
  0x22: '"',
  0x27: "'",
};

/** Quoted atoms, and block comments, in which the rules for quoted text hold as well. */
export class QuotedReader {
  constructor(
    private readonly source: Uint8Array,
    private readonly fail: (offset: number, message: string, remedy?: string, related?: number) => never,
  ) {}

  /** Reads from the opening quote at `at`; `end` is behind the closing one. */
  read(at: number, insideComment = false): { text: ByteString; end: number } {
    const source = this.source;
    const pieces: string[] = [];
    let pieceStart = at + 1;
    let here = at + 1;
    for (;;) {
      const byte = source[here];
      if (byte === undefined) return this.#unterminated(at, insideComment);
      if (byte === QUOTE) break;
      if (byte !== BACKSLASH) {
        here++;
        continue;
      }
      pieces.push(this.#slice(pieceStart, here));
      const escape = this.#readEscape(here, at, insideComment);
      pieces.push(escape.text);
      here = escape.end;
      pieceStart = here;
    }
    pieces.push(this.#slice(pieceStart, here));
    return { text: asBytes(pieces.join("")), end: here + 1 };
  }

  /** From `#|` at `at` to behind the `|#` that closes it: comments nest, quoted text in them is read as such. */
  skipBlockComment(at: number): number {
    const source = this.source;
    let depth = 1;
    let here = at + 2;
    while (depth > 0) {
      const byte = source[here];
      const next = source[here + 1];
      if (byte === undefined)
        return this.fail(source.length, "the file ends inside a #| comment", "close with |# the comment opened", at);
      if (byte === QUOTE) {
        here = this.read(here, true).end;
      } else if (byte === HASH && next === BAR) {
        depth++;
        here += 2;
      } else if (byte === BAR && next === HASH) {
        depth--;
        here += 2;
      } else {
        here++;
      }
    }
    return here;
  }

  #slice(start: number, end: number): string {
    return Buffer.from(this.source.buffer, this.source.byteOffset + start, end - start).toString("latin1");
  }

  /** An escape the original does not know keeps its backslash: `\q` is two characters. */
  #readEscape(backslash: number, opening: number, insideComment: boolean): { text: string; end: number } {
    const source = this.source;
    const at = backslash + 1;
    const byte = source[at];
    if (byte === undefined) return this.#unterminated(opening, insideComment);
    const simple = SIMPLE_ESCAPES[byte];
    if (simple !== undefined) return { text: simple, end: at + 1 };
    if (isDecimal(byte)) return this.#readNumber(at, 3, 10, opening, insideComment);
    if (byte === 0x78) return this.#readNumber(at + 1, 2, 16, opening, insideComment);
    if (byte === LF) return { text: "", end: this.#skipBlanks(at + 1) };
    if (byte === CR) {
      return source[at + 1] === LF ? { text: "", end: this.#skipBlanks(at + 2) } : { text: "\r", end: at + 1 };
    }
    return { text: `\\${String.fromCharCode(byte)}`, end: at + 1 };
  }

  #readNumber(
    at: number,
    digits: 2 | 3,
    base: 10 | 16,
    opening: number,
    insideComment: boolean,
  ): { text: string; end: number } {
    const name = base === 10 ? "\\ and three decimal digits" : "\\x and two hexadecimal digits";
    let value = 0;
    for (let index = 0; index < digits; index++) {
      const byte = this.source[at + index];
      if (byte === undefined) return this.#unterminated(opening, insideComment);
      const digit = base === 10 ? decimalValue(byte) : hexValue(byte);
      if (digit === undefined) return this.fail(at + index, `an escape of ${name} is cut short`);
      value = value * base + digit;
    }
    if (value > 255) return this.fail(at + digits - 1, `the escape \\${value} is above 255`);
    return { text: String.fromCharCode(value), end: at + digits };
  }

  #skipBlanks(at: number): number {
    let here = at;
    while (this.source[here] === SPACE || this.source[here] === TAB) here++;
    return here;
  }

  #unterminated(opening: number, insideComment: boolean): never {
    const where = insideComment ? "quoted text inside a #| comment" : "a quoted atom";
    return this.fail(this.source.length, `the file ends inside ${where}`, "close the quote opened", opening);
  }
}

function isDecimal(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function decimalValue(byte: number): number | undefined {
  return isDecimal(byte) ? byte - 0x30 : undefined;
}

function hexValue(byte: number): number | undefined {
  if (isDecimal(byte)) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : undefined;
}
