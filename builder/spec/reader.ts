import { asBytes, fromBytes, type ByteString } from "./bytes.js";
import type { Finding } from "./errors.js";
import type { AtomNode, ListNode, Node } from "./sexp.js";
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
  at: number;
  items: Node[];
  /** Values still to be dropped: `#;` stacks. */
  skipping: number[];
}

class Reader {
  readonly #source: Uint8Array;
  readonly #text: ByteString;
  #at = 0;
  readonly #quoted: QuotedReader;

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
    const top: OpenList = { at: this.#at, items: [], skipping: [] };
    const stack: OpenList[] = [top];
    for (;;) {
      const list = stack[stack.length - 1] ?? top;
      const value = this.#readToken(list, stack, mayEndWithFile);
      if (value === "end") return undefined;
      if (value === undefined) continue;
      if (value.kind === "closed") {
        stack.pop();
        const outer = stack[stack.length - 1] ?? top;
        const node: ListNode = { kind: "list", items: list.items, at: list.at, end: this.#at };
        if (this.#keep(outer, node) && outer === top) return node;
      } else if (this.#keep(list, value) && list === top) {
        return value;
      }
    }
  }

  /** Adds a finished value to its list, unless a `#;` dropped it. */
  #keep(list: OpenList, node: Node): boolean {
    if (list.skipping.pop() !== undefined) return false;
    list.items.push(node);
    return true;
  }

  #readToken(
    list: OpenList,
    stack: OpenList[],
    mayEndWithFile: boolean,
  ): AtomNode | { kind: "closed" } | "end" | undefined {
    const source = this.#source;
    const at = this.#at;
    const byte = source[at];
    switch (byte) {
      case undefined:
        return this.#endOfFile(list, stack);
      case SPACE:
      case TAB:
      case LF:
      case FF:
        this.#at++;
        return undefined;
      case CR:
        if (source[at + 1] !== LF) return this.#fail(at + 1, "a carriage return that no line feed follows");
        this.#at += 2;
        return undefined;
      case OPEN:
        this.#at++;
        stack.push({ at, items: [], skipping: [] });
        return undefined;
      case CLOSE:
        if (stack.length === 1) return this.#fail(at, "unexpected )", "every ( is closed already");
        if (list.skipping.length > 0) return this.#fail(at, "#; is not followed by a value to leave out");
        this.#at++;
        return { kind: "closed" };
      case SEMICOLON:
        this.#skipLineComment();
        return undefined;
      case QUOTE: {
        const { text, end } = this.#quoted.read(at);
        this.#at = end;
        return { kind: "atom", text, at, end };
      }
      case HASH:
        if (source[at + 1] === SEMICOLON) {
          this.#at += 2;
          list.skipping.push(at);
          return undefined;
        }
        if (source[at + 1] === BAR) {
          this.#at = this.#quoted.skipBlockComment(at);
          return undefined;
        }
        return this.#readUnquoted(mayEndWithFile || stack.length > 1);
      case BAR:
        if (source[at + 1] === HASH) return this.#fail(at, "|# closes no comment");
        return this.#readUnquoted(mayEndWithFile || stack.length > 1);
      default:
        return this.#readUnquoted(mayEndWithFile || stack.length > 1);
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

  #skipLineComment(): void {
    const source = this.#source;
    let at = this.#at;
    while (at < source.length && source[at] !== LF && source[at] !== CR) at++;
    this.#at = at;
  }

  #endOfFile(list: OpenList, stack: OpenList[]): "end" {
    const end = this.#source.length;
    const skipped = list.skipping[list.skipping.length - 1];
    if (skipped !== undefined) return this.#fail(end, "#; is not followed by a value to leave out");
    if (stack.length > 1) {
      return this.#fail(end, "the file ends inside a list", "close the ( opened", list.at);
    }
    return "end";
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
