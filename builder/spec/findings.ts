import { toText, type ByteString } from "./bytes.js";
import type { Finding } from "./errors.js";
import { printMach } from "./print.js";
import { toSexp, type Node } from "./sexp.js";
import { suggestName } from "./suggest.js";

const SHOWN = 60;
/** More errors than this help nobody; a file that is no spec at all could hold a million. */
const MAX_FINDINGS = 1000;

/** The errors of a spec, collected while it is parsed. */
export class Findings {
  readonly all: Finding[] = [];

  add(offset: number, message: string, remedy?: string): void {
    this.all.push({ code: "SPEC_INVALID", offset, message, ...(remedy === undefined ? {} : { remedy }) });
  }

  /** Enough has been found: the rest of the spec needn't be looked at. */
  get isFull(): boolean {
    return this.all.length >= MAX_FINDINGS;
  }

  /** A part of the spec for a message, cut when long. */
  show(node: Node): string {
    // Parts too big to be shown whole aren't printed whole first.
    if (node.end - node.at > 40 * SHOWN) return node.kind === "list" ? "a long list" : "a long atom";
    const text = printMach(toSexp(node));
    return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
  }

  didYouMean(name: ByteString, known: readonly string[]): string | undefined {
    const near = suggestName(toText(name), known);
    return near === undefined ? undefined : `did you mean ${near}?`;
  }
}
