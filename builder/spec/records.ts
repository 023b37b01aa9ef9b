import type { ByteString } from "./bytes.js";
import { quoteForMessage } from "./errors.js";
import type { Findings } from "./findings.js";
import type { Node } from "./sexp.js";

export interface Field {
  /** `many`: `(name A B …)`; `one`: exactly `(name A)`. */
  readonly takes: "one" | "many";
  readonly isRequired?: boolean;
  /** Present before any field is read, so that giving it is a repetition. */
  readonly isGiven?: boolean;
  readonly read: (items: readonly Node[]) => unknown;
}

export interface RecordShape {
  readonly what: string;
  readonly fields: readonly Node[];
  /** Where to report what is missing. */
  readonly at: number;
  readonly known: Readonly<Record<string, Field>>;
  readonly usage: string;
}

/**
 * A record in the manner of generated OCaml readers: any order, each field once, no others. Errors come in its order:
 * those inside the fields, then repeated, then unknown, then missing ones.
 */
export function parseRecord(shape: RecordShape, findings: Findings): boolean {
  const before = findings.all.length;
  const seen = new Set<string>(Object.keys(shape.known).filter((name) => shape.known[name]?.isGiven === true));
  const repeated: { name: string; at: number }[] = [];
  const unknown: { name: ByteString; at: number }[] = [];
  for (const node of shape.fields) {
    if (findings.isFull || unknown.length + repeated.length > 1000) break;
    const head = node.kind === "list" ? node.items[0] : undefined;
    if (node.kind !== "list" || head?.kind !== "atom") {
      findings.add(node.at, `${findings.show(node)} is no field of ${shape.what}`, shape.usage);
      continue;
    }
    const field = Object.hasOwn(shape.known, head.text) ? shape.known[head.text] : undefined;
    const values = node.items.slice(1);
    if (values.length > 1 && field?.takes !== "many") {
      findings.add(
        node.at,
        `${quoteForMessage(head.text)} in ${shape.what} takes one value, not ${values.length}`,
        shape.usage,
      );
      seen.add(head.text);
    } else if (field === undefined) {
      unknown.push({ name: head.text, at: node.at });
    } else if (seen.has(head.text)) {
      repeated.push({ name: head.text, at: node.at });
    } else {
      seen.add(head.text);
      if (field.takes === "one" && values.length === 0) {
        findings.add(node.at, `${head.text} in ${shape.what} has no value`, shape.usage);
      } else {
        field.read(values);
      }
    }
  }
  for (const { name, at } of repeated) findings.add(at, `${name} is given twice in ${shape.what}`);
  for (const { name, at } of unknown) {
    const names = Object.keys(shape.known).filter((known) => known !== "id");
    const remedy = findings.didYouMean(name, names) ?? `fields are ${names.join(", ")}`;
    findings.add(at, `unknown field ${quoteForMessage(name)} in ${shape.what}`, remedy);
  }
  for (const [name, field] of Object.entries(shape.known)) {
    if (field.isRequired === true && !seen.has(name))
      findings.add(shape.at, `${shape.what} has no ${name}`, shape.usage);
  }
  return findings.all.length === before;
}

export function parseAtom(node: Node, findings: Findings): ByteString | undefined {
  if (node.kind === "atom") return node.text;
  findings.add(node.at, `a word or quoted text is needed here, not ${findings.show(node)}`);
  return undefined;
}

export function parseAtoms(nodes: readonly Node[], findings: Findings): ByteString[] {
  const atoms: ByteString[] = [];
  for (const node of nodes) {
    const atom = findings.isFull ? undefined : parseAtom(node, findings);
    if (atom !== undefined) atoms.push(atom);
  }
  return atoms;
}
