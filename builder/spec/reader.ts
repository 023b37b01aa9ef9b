import { asBytes, fromBytes, type ByteString } from "./bytes.js";
import type { Finding } from "./errors.js";
import type { AtomNode, Node } from "./sexp.js";
import { QuotedReader } from "./quoted.js";

export type ReadResult = { ok: true; node: Node } | { ok: false; finding: Finding };

const [TAB, LF, FF, CR, SPACE, QUOTE, HASH, OPEN, CLOSE, SEMICOLON, BAR] = [
  0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x22, 0x23, 0x28, 0x29, 0x3b, 0x7c,
] as const;

/** Bytes that end an unquoted atom. VT and NBSP are not white space in this language. */
const ENDS_ATOM = new Uint8Array(256);
for (const byte of [TAB, LF, FF, CR, SPACE, QUOTE, OPEN, CLOSE, SEMICOLON]) ENDS_ATOM[byte] = 1;

class ReadFailure extends Error {
  constructor(readonly finding: Finding) {
    super(finding.message);
  }
}

/**
 * Reads a file that holds exactly one S-expression, by the rules of sexplib's `load_sexp` (v0.15 and v0.17): bytes, no
 * Unicode; the whole file is looked at. One pass, no recursion: time and memory grow with the input only.
 *
 * The one asymmetry of the original is kept: the first value may be an unquoted atom that runs to the end of the file,
 * what comes after it may not (not even behind `#;`).
 */
export function readSexp(source: Uint8Array): ReadResult {
  try {
    return { ok: true, node: new Reader(source).readFile() };
  } catch (error) {
    if (error instanceof ReadFailure) return { ok: false, finding: error.finding };
    throw error;
  }
}

interface OpenList {
  readonly at: number;
  readonly items: Node[];
  /** Values still to be dropped: `#;` stacks. */
  skipCount: number;
}

class Reader {
  readonly #source: Uint8Array;
  readonly #text: ByteString;
  readonly #quoted: QuotedReader;
  #at = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
    this.#text = fromBytes(source);
    this.#quoted = new QuotedReader(source, this.#fail.bind(this));
  }

  readFile(): Node {
    const first = this.#readValue(true);
    if (first === undefined) {
      return this.#fail(this.#source.length, "the file holds no value", "a spec begins with ((from IMAGE)");
    }
    const second = this.#readValue(false);
    if (second !== undefined) {
      return this.#fail(
        second.at,
        "a second value follows the spec",
        "a file holds exactly one; check the parentheses",
      );
    }
    return first;
  }

  /** The next value at top level, or undefined at the end of the file. */
  #readValue(mayEndWithFile: boolean): Node | undefined {
    const source = this.#source;
    const stack: OpenList[] = [];
    let list: OpenList = { at: this.#at, items: [], skipCount: 0 };
    for (;;) {
      const at = this.#at;
      let node: Node;
      switch (source[at]) {
        case undefined:
          return this.#endOfFile(list, stack.length > 0);
        case OPEN:
          this.#at++;
          stack.push(list);
          list = { at, items: [], skipCount: 0 };
          continue;
        case CLOSE: {
          const outer = stack.pop();
          if (outer === undefined) return this.#fail(at, "unexpected )", "every ( is closed already");
          if (list.skipCount > 0) return this.#fail(at, "#; is not followed by a value to leave out");
          this.#at++;
          node = { kind: "list", items: list.items, at: list.at, end: this.#at };
          list = outer;
          break;
        }
        case QUOTE: {
          const { text, end } = this.#quoted.read(at);
          this.#at = end;
          node = { kind: "atom", text, at, end };
          break;
        }
        default:
          if (this.#skipBlank(at)) continue;
          if (source[at] === HASH && source[at + 1] === SEMICOLON) {
            this.#at += 2;
            list.skipCount++;
            continue;
          }
          node = this.#readUnquoted(mayEndWithFile || stack.length > 0);
      }
      if (list.skipCount > 0) list.skipCount--;
      else if (stack.length === 0) return node;
      else list.items.push(node);
    }
  }

  /** Skips one piece of white space or one comment, if there is one. */
  #skipBlank(at: number): boolean {
    const source = this.#source;
    switch (source[at]) {
      case SPACE:
      case TAB:
      case LF:
      case FF:
        this.#at++;
        return true;
      case CR:
        if (source[at + 1] !== LF) return this.#fail(at + 1, "a carriage return that no line feed follows");
        this.#at += 2;
        return true;
      case SEMICOLON:
        // The byte that ends the comment is read again: a lone carriage return is refused here, too.
        while (this.#at < source.length && source[this.#at] !== LF && source[this.#at] !== CR) this.#at++;
        return true;
      case HASH:
        if (source[at + 1] !== BAR) return false;
        this.#at = this.#quoted.skipBlockComment(at);
        return true;
      case BAR:
        return source[at + 1] === HASH ? this.#fail(at + 1, "|# closes no comment") : false;
      default:
        return false;
    }
  }

  #readUnquoted(mayEndWithFile: boolean): AtomNode {
    const source = this.#source;
    const at = this.#at;
    let end = at;
    let previous = 0;
    for (; end < source.length; end++) {
      const byte = source[end] ?? 0;
      if (ENDS_ATOM[byte] === 1) break;
      if ((byte === BAR && previous === HASH) || (byte === HASH && previous === BAR)) {
        return this.#fail(end, "#| or |# inside an unquoted atom", "quote the atom, or put a space before the comment");
      }
      previous = byte;
    }
    if (end === source.length && !mayEndWithFile) {
      this.#fail(at, "more text follows the spec", "a file holds exactly one value; a ; comment may follow it");
    }
    this.#at = end;
    return { kind: "atom", text: asBytes(this.#text.slice(at, end)), at, end };
  }

  #endOfFile(list: OpenList, isInList: boolean): undefined {
    const end = this.#source.length;
    if (list.skipCount > 0) return this.#fail(end, "#; is not followed by a value to leave out");
    if (isInList) return this.#fail(end, "the file ends inside a list", "close the ( opened", list.at);
    return undefined;
  }

  #fail(offset: number, message: string, remedy?: string, related?: number): never {
    throw new ReadFailure({
      code: "SPEC_SYNTAX",
      offset,
      message,
      ...(remedy === undefined ? {} : { remedy }),
      ...(related === undefined ? {} : { related }),
    });
  }
}
