import type { NamedBuild, SourceMap, Spec } from "./ast.js";
import { asBytes, toText, type ByteString } from "./bytes.js";
import { quoteForMessage } from "./errors.js";
import type { Findings } from "./findings.js";
import { suggestName } from "./suggest.js";

/** Names in scope, as a chain from the innermost outwards: adding one is cheap and leaves outer scopes alone. */
interface Scope {
  readonly name: ByteString;
  readonly outer: Scope | undefined;
}

/**
 * Checks the names in `(from (build NAME))`. In scope for an op are the builds declared before it in the same spec and
 * what is in scope where the spec itself stands; for a nested spec that is its earlier siblings and their like outside.
 */
export function checkScope(root: Spec, findings: Findings, places: SourceMap): void {
  interface Frame {
    spec: Spec;
    scope: Scope | undefined;
    next: number;
    entered: NamedBuild | undefined;
  }
  const visible = new Map<ByteString, number>();
  const stack: Frame[] = [{ spec: root, scope: undefined, next: 0, entered: undefined }];
  const declare = (frame: Frame, name: ByteString): void => {
    frame.scope = { name, outer: frame.scope };
    visible.set(name, (visible.get(name) ?? 0) + 1);
  };
  for (let frame = stack[stack.length - 1]; frame !== undefined; frame = stack[stack.length - 1]) {
    if (frame.entered !== undefined) declare(frame, frame.entered.name);
    const build = frame.spec.builds[frame.next++];
    frame.entered = build;
    if (build !== undefined) {
      stack.push({ spec: build.spec, scope: frame.scope, next: 0, entered: undefined });
      continue;
    }
    for (const op of frame.spec.ops) {
      if (findings.isFull) return;
      if (op.op === "copy" && op.from.kind === "build" && (visible.get(op.from.name) ?? 0) === 0) {
        reportUnknown(op, op.from.name, frame.scope, findings, places);
      }
    }
    for (const own of frame.spec.builds) visible.set(own.name, (visible.get(own.name) ?? 1) - 1);
    stack.pop();
  }
}

function reportUnknown(
  op: object,
  name: ByteString,
  scope: Scope | undefined,
  findings: Findings,
  places: SourceMap,
): void {
  const known = new Set<ByteString>();
  for (let entry = scope; entry !== undefined && known.size < 100; entry = entry.outer) known.add(entry.name);
  const names = [...known].reverse();
  const near = suggestName(toText(name), names.map(toText));
  const remedy =
    near !== undefined
      ? `did you mean ${near}?`
      : names.length === 0
        ? "no build is declared before this op; write (build NAME ((from IMAGE) …)) first"
        : `builds that can be used here: ${names.slice(0, 8).map(quoteForMessage).join(", ")}`;
  findings.add(places.find(op, "from") ?? 0, `no build ${quoteForMessage(asBytes(name))} is in scope here`, remedy);
}
