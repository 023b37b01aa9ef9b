import { SourceMap, type NamedBuild, type Op, type Spec } from "./ast.js";
import { asBytes, type ByteString } from "./bytes.js";
import { LineIndex, type Finding, type SpecError } from "./errors.js";
import { Findings } from "./findings.js";
import { parseOp } from "./ops.js";
import { readSexp } from "./reader.js";
import { checkScope } from "./scope.js";
import type { Node } from "./sexp.js";

export type ParseResult =
  { ok: true; spec: Spec; places: SourceMap; lines: LineIndex } | { ok: false; errors: SpecError[]; lines: LineIndex };

/**
 * Reads a spec. The language is OBuilder's (`lib_spec`, the same from v0.5 on). All errors (up to 1000) are found, in the
 * order the original looks for them, so its one error is the first of ours.
 */
export function parseSpec(source: Uint8Array): ParseResult {
  const lines = new LineIndex(source);
  const refuse = (findings: readonly Finding[]): ParseResult => ({
    ok: false,
    errors: findings.map((finding) => lines.locate(finding)),
    lines,
  });
  const read = readSexp(source);
  if (!read.ok) return refuse([read.finding]);
  const findings = new Findings();
  const places = new SourceMap();
  const spec = parseStages(read.node, findings, places);
  // The original looks at names only when the whole spec has been read.
  if (spec !== undefined && !findings.isFull) checkScope(spec, findings, places);
  if (findings.all.length > 0 || spec === undefined) return refuse(findings.all);
  return { ok: true, spec, places, lines };
}

interface Frame {
  readonly items: readonly Node[];
  readonly at: number;
  /** Name and place of the build this is the spec of. */
  readonly name: ByteString | undefined;
  next: number;
  readonly builds: NamedBuild[];
}

/** A spec with all its nested builds, worked off with a list of our own: nesting costs no call stack. */
function parseStages(root: Node, findings: Findings, places: SourceMap): Spec | undefined {
  const frames: Frame[] = [];
  let finished: Spec | undefined;
  const enter = (node: Node, name: ByteString | undefined): void => {
    if (node.kind === "atom") {
      findings.add(node.at, `a spec is a list of items, not the atom ${findings.show(node)}`, "write ((from IMAGE) …)");
      const spec: Spec = { builds: [], from: asBytes(""), ops: [] };
      leave(spec, node.at, name);
    } else {
      frames.push({ items: node.items, at: node.at, name, next: 0, builds: [] });
    }
  };
  const leave = (spec: Spec, at: number, name: ByteString | undefined): void => {
    places.set(spec, at);
    const outer = frames[frames.length - 1];
    if (outer === undefined || name === undefined) finished = spec;
    else outer.builds.push({ name, spec });
  };
  enter(root, undefined);
  for (let frame = frames[frames.length - 1]; frame !== undefined; frame = frames[frames.length - 1]) {
    const item = findings.isFull ? undefined : frame.items[frame.next++];
    if (item === undefined) {
      if (!findings.isFull) reportMissingFrom(frame, findings);
      frames.pop();
      leave({ builds: frame.builds, from: asBytes(""), ops: [] }, frame.at, frame.name);
      continue;
    }
    const parts = item.kind === "list" ? item.items : [];
    const [head, second, third] = parts;
    if (isWord(head, "build") && parts.length === 3 && second?.kind === "atom" && third !== undefined) {
      enter(third, second.text);
      continue;
    }
    if (isWord(head, "from")) {
      const from = parts.length === 2 && second?.kind === "atom" ? second.text : undefined;
      if (from === undefined) findings.add(item.at, "from takes exactly one name", "write (from IMAGE)");
      frames.pop();
      const ops = parseOps(frame.items.slice(frame.next), findings, places);
      const spec: Spec = { builds: frame.builds, from: from ?? asBytes(""), ops };
      leave(spec, frame.at, frame.name);
      places.setPart(spec, "from", item.at);
      continue;
    }
    reportInvalidItem(item, findings);
  }
  return finished;
}

function parseOps(items: readonly Node[], findings: Findings, places: SourceMap): Op[] {
  const ops: Op[] = [];
  for (const item of items) {
    if (findings.isFull) break;
    const op = parseOp(item, findings, places);
    if (op !== undefined) ops.push(op);
  }
  return ops;
}

function reportInvalidItem(item: Node, findings: Findings): void {
  const head = item.kind === "list" ? item.items[0] : undefined;
  if (isWord(head, "build")) {
    findings.add(item.at, "build takes a name and one spec", "write (build NAME ((from IMAGE) …))");
  } else if (head?.kind === "atom") {
    const text = `${findings.show(item)} stands where a build or (from IMAGE) is expected`;
    const hint = findings.didYouMean(head.text, ["from", "build"]);
    findings.add(item.at, text, hint ?? "builds come first, then one (from IMAGE), then ops");
  } else {
    findings.add(item.at, `${findings.show(item)} is no item of a spec`, "a spec begins with ((from IMAGE)");
  }
}

function reportMissingFrom(frame: Frame, findings: Findings): void {
  findings.add(frame.at, "the spec has no (from IMAGE)", "builds come first, then one (from IMAGE), then ops");
}

function isWord(node: Node | undefined, word: string): boolean {
  return node?.kind === "atom" && node.text === word;
}
