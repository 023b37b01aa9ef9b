import { asBytes, type ByteString } from "./bytes.js";
import { Formatter } from "./format.js";
import type { Sexp } from "./sexp.js";

/** Quotes, parentheses, semicolon, backslash, anything at or below space or from DEL up, or a comment's mark. */
const NEEDS_QUOTES = /["();\\\x00-\x20\x7f-\xff]|#\||\|#/;
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f-\xff]/g;

function isQuoted(atom: ByteString): boolean {
  return atom === "" || NEEDS_QUOTES.test(atom);
}

function escapeByte(byte: string): string {
  switch (byte) {
    case '"':
    case "\\":
      return `\\${byte}`;
    case "\n":
      return "\\n";
    case "\t":
      return "\\t";
    case "\r":
      return "\\r";
    case "\b":
      return "\\b";
    default:
      return `\\${String(byte.charCodeAt(0)).padStart(3, "0")}`;
  }
}

export function escapeText(text: string): string {
  return text.replace(NEEDS_ESCAPE, escapeByte);
}

/** An atom as it stands in the mach form, and in the hum form when it has no inner newline. */
export function printAtom(atom: ByteString): string {
  return isQuoted(atom) ? `"${escapeText(atom)}"` : atom;
}

/**
 * The machine form: the canonical text and the input of all hashes. A space stands only between two unquoted atoms.
 * Always ASCII.
 */
export function printMach(sexp: Sexp): ByteString {
  const output: string[] = [];
  // A list in progress is an iterator, so that nesting costs no call stack.
  const stack: Iterator<Sexp>[] = [];
  let afterBareAtom = false;
  let current: Sexp | undefined = sexp;
  for (;;) {
    if (current !== undefined) {
      if (typeof current === "string") {
        const quoted = isQuoted(current);
        if (afterBareAtom && !quoted) output.push(" ");
        output.push(quoted ? `"${escapeText(current)}"` : current);
        afterBareAtom = !quoted;
      } else {
        output.push("(");
        afterBareAtom = false;
        stack.push(current[Symbol.iterator]());
      }
    }
    const top = stack[stack.length - 1];
    if (top === undefined) return asBytes(output.join(""));
    const next = top.next();
    if (next.done === true) {
      output.push(")");
      afterBareAtom = false;
      stack.pop();
      current = undefined;
    } else {
      current = next.value;
    }
  }
}

/** The form for people, as in a store's `env` file: packed lines of at most 77 columns where atoms allow it. */
export function printHum(sexp: Sexp): ByteString {
  const formatter = new Formatter();
  writeHum(formatter, sexp);
  return asBytes(formatter.finish());
}

export function writeHum(formatter: Formatter, sexp: Sexp): void {
  const stack: { items: Iterator<Sexp>; isFirst: boolean }[] = [];
  let current: Sexp | undefined = sexp;
  for (;;) {
    if (current !== undefined) {
      if (typeof current === "string") {
        writeAtom(formatter, current);
      } else if (current.length === 0) {
        formatter.text("()");
      } else {
        formatter.open("box", 1).text("(");
        stack.push({ items: current[Symbol.iterator](), isFirst: true });
      }
    }
    const top = stack[stack.length - 1];
    if (top === undefined) return;
    const next = top.items.next();
    if (next.done === true) {
      formatter.text(")").close();
      stack.pop();
      current = undefined;
    } else {
      if (!top.isFirst) formatter.breakHint(1);
      top.isFirst = false;
      current = next.value;
    }
  }
}

/** An atom with a newline that isn't its last byte is a box of its own, one line of text per line. */
export function writeAtom(formatter: Formatter, atom: ByteString): void {
  const newline = atom.indexOf("\n");
  if (newline === -1 || newline === atom.length - 1) {
    formatter.text(printAtom(atom));
    return;
  }
  formatter.open("box").text(' "');
  atom.split("\n").forEach((line, index) => {
    if (index > 0) formatter.text("\\").newline().text("\\n");
    formatter.text(escapeText(line));
  });
  formatter.text('"').close();
}
