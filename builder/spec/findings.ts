import { toText } from "./bytes.js";
import type { Finding } from "./errors.js";
import { printMach } from "./print.js";
import { toSexp, type Node } from "./sexp.js";
import { suggestName } from "./suggest.js";

const SHOWN = 60;

/** The errors of a spec, collected while it is parsed. */
export class Findings {
  readonly all: Finding[] = [];

  add(offset: number, message: string, remedy?: string): void {
    this.all.push({ code: "SPEC_INVALID", offset, message, ...(remedy === undefined ? {} : { remedy }) });
  }

  /** A part of the spec for a message, cut when long. */
  show(node: Node): string {
    // Parts too big to be shown whole aren't printed whole first.
    if (node.end - node.at > 40 * SHOWN) return node.kind === "list" ? "a long list" : "a long atom";
    const text = printMach(toSexp(node));
    return text.length <= SHOWN ? text : `${text.slice(0, SHOWN - 1)}…`;
  }

  didYouMean(name: string, known: readonly string[]): string | undefined {
    const near = suggestName(toText(name as never), known);
    return near === undefined ? undefined : `did you mean ${near}?`;
  }
}
