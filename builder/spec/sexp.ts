import type { ByteString } from "./bytes.js";

/** An S-expression as a value: what is printed and hashed. */
export type Sexp = ByteString | readonly Sexp[];

/** An S-expression as it was read: `at` and `end` are byte offsets into the source, `end` exclusive. */
export type Node = AtomNode | ListNode;
export interface AtomNode {
  readonly kind: "atom";
  readonly text: ByteString;
  readonly at: number;
  readonly end: number;
}
export interface ListNode {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly at: number;
  readonly end: number;
}

/** Drops the places. Works off a list of its own: nesting is bounded by the input only, not by the call stack. */
export function toSexp(node: Node): Sexp {
  if (node.kind === "atom") return node.text;
  const root: Sexp[] = [];
  const pending: { from: ListNode; into: Sexp[] }[] = [{ from: node, into: root }];
  for (let job = pending.pop(); job !== undefined; job = pending.pop()) {
    for (const item of job.from.items) {
      if (item.kind === "atom") {
        job.into.push(item.text);
      } else {
        const into: Sexp[] = [];
        job.into.push(into);
        pending.push({ from: item, into });
      }
    }
  }
  return root;
}
