import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  YAMLParseError,
  type Node,
  type Pair,
} from "yaml";
import type { Path } from "./paths.js";

/** More than any stack needs; keeps a file of nested aliases from growing without bound. */
const MAX_NODES = 100_000;

export interface Position {
  line: number;
  column: number;
}

export interface SyntaxProblem extends Position {
  path: Path;
  reason: string;
  remedy: string;
}

/** A YAML file as plain values (objects without a prototype), with the place of each of them. */
export interface StackDocument {
  value: unknown;
  problems: SyntaxProblem[];
  /** Where a value starts, or its key; the nearest thing around it when it is not there. */
  locate(path: Path, part: "key" | "value"): Position;
  /** A scalar as it stands in the file: `2.10`, where the value is the number 2.1. */
  sourceText(path: Path): string | undefined;
}

interface Place {
  key?: Node | undefined;
  value?: Node | undefined;
}

export function parseStackDocument(text: string): StackDocument {
  const lines = new LineCounter();
  const document = parseOrRefuse(text, lines);
  const places = new Map<string, Place>();
  const problems: SyntaxProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    ...toPosition(lines, error.pos[0]),
    path: [],
    reason: describeYamlError(error.code, error.message),
    remedy: error.code === "DUPLICATE_KEY" ? "keep one of the two, or rename it" : "correct the YAML at this place",
  }));
  const anchors = new Map<string, Node>();
  let nodeCount = 0;
  let aliasDepth = 0;

  const visit = (node: Node | null | undefined, path: Path): unknown => {
    if (++nodeCount > MAX_NODES) throw new RangeError();
    // An alias means the last anchor of that name before it; those met again through an alias are not new.
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined && aliasDepth === 0) {
      anchors.set(node.anchor, node);
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target !== undefined) {
        aliasDepth += 1;
        const value = visit(target, path);
        aliasDepth -= 1;
        return value;
      }
      const reason = `*${node.source} is the alias of nothing before it`;
      const remedy = "write the value out, or put the anchor first";
      problems.push({ ...toPosition(lines, startOf(node) ?? 0), path, reason, remedy });
      return null;
    }
    if (isMap(node)) {
      const object = Object.create(null) as Record<string, unknown>;
      for (const pair of node.items as Pair<Node, Node | null>[]) {
        const key = readKey(pair.key);
        if (key === undefined) {
          const position = toPosition(lines, startOf(pair.key) ?? startOf(node) ?? 0);
          problems.push({ ...position, path, ...describeBadKey(pair.key) });
          continue;
        }
        const inner = [...path, key];
        places.set(JSON.stringify(inner), { key: pair.key, value: pair.value ?? undefined });
        object[key] = visit(pair.value, inner);
      }
      return object;
    }
    if (isSeq(node)) {
      return (node.items as Node[]).map((item, i) => {
        places.set(JSON.stringify([...path, i]), { value: item });
        return visit(item, [...path, i]);
      });
    }
    return isScalar(node) ? node.value : null;
  };

  let value: unknown = null;
  try {
    places.set("[]", { value: document.contents ?? undefined });
    if (document.errors.length === 0) value = visit(document.contents, []);
  } catch (error) {
    if ((error as Error).name !== "RangeError") throw error;
    const remedy = "write the values out instead of repeating them by aliases";
    problems.push({ line: 1, column: 1, path: [], reason: `the file holds more than ${MAX_NODES} values`, remedy });
  }

  const findNode = (path: Path, part: "key" | "value"): Node | undefined => {
    const place = places.get(JSON.stringify(path));
    return (part === "key" ? (place?.key ?? place?.value) : (place?.value ?? place?.key)) ?? undefined;
  };
  return {
    value,
    problems,
    locate(path, part) {
      for (let length = path.length; length >= 0; length--) {
        const node = findNode(path.slice(0, length), length === path.length ? part : "key");
        const start = startOf(node);
        if (start !== undefined) return toPosition(lines, start);
      }
      return { line: 1, column: 1 };
    },
    sourceText(path) {
      const node = findNode(path, "value");
      return isScalar(node) ? node.source : undefined;
    },
  };
}

/** The YAML library calls itself for each level: a file of nothing but brackets ends its stack. */
function parseOrRefuse(text: string, lines: LineCounter): ReturnType<typeof parseDocument> {
  const options = { lineCounter: lines, prettyErrors: false };
  try {
    return parseDocument(text, options);
  } catch (error) {
    if ((error as Error).name !== "RangeError") throw error;
    const document = parseDocument("", options);
    document.errors.push(new YAMLParseError([0, 0], "BAD_COLLECTION_TYPE", "It is nested too deeply"));
    return document;
  }
}

function readKey(key: unknown): string | undefined {
  return isScalar(key) && typeof key.value === "string" && key.value !== "<<" ? key.value : undefined;
}

function describeBadKey(key: unknown): { reason: string; remedy: string } {
  if (isScalar(key) && key.value === "<<") {
    return { reason: "merge keys (<<) are not part of YAML 1.2", remedy: "write the keys out" };
  }
  const source = isScalar(key) ? key.source : undefined;
  if (source === undefined) return { reason: "a key must be text", remedy: "write one plain name before the colon" };
  return { reason: `the key ${source} is not read as text`, remedy: `put it in quotes: "${source}":` };
}

function describeYamlError(code: string, message: string): string {
  if (code === "DUPLICATE_KEY") return "this key is there twice";
  if (code === "MULTIPLE_DOCS") return "the file holds more than one document (---)";
  return `not YAML: ${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | undefined)?.range?.[0];
}

function toPosition(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
