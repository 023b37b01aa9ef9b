import type { CopyOp, CopySource, Mount, Op, RunOp, SourceMap, User } from "./ast.js";
import type { ByteString } from "./bytes.js";
import { quoteForMessage } from "./errors.js";
import type { Findings } from "./findings.js";
import { parseOcamlInt } from "./integers.js";
import { parseAtom, parseAtoms, parseRecord, type Field } from "./records.js";
import type { ListNode, Node } from "./sexp.js";

const OP_NAMES = ["comment", "workdir", "shell", "run", "copy", "user", "env"] as const;
type OpName = (typeof OP_NAMES)[number];
/** Ops whose lower-case spelling takes its fields without a further pair of parentheses. */
const INLINE: readonly string[] = ["run", "copy", "user", "env"];
const USAGE: Record<OpName, string> = {
  comment: "write (comment TEXT)",
  workdir: "write (workdir PATH)",
  shell: "write (shell ARG …)",
  run: "write (run (shell COMMAND)), with cache, network and secrets as wanted",
  copy: "write (copy (src PATH …) (dst PATH)), with from and exclude as wanted",
  user: "write (user (uid N) (gid N)) or (user (name NAME)), in this order",
  env: "write (env NAME VALUE)",
};

/** One op; undefined when it is refused, with the reasons in `findings`. */
export function parseOp(node: Node, findings: Findings, places: SourceMap): Op | undefined {
  const head = node.kind === "list" ? node.items[0] : undefined;
  if (node.kind !== "list" || head?.kind !== "atom") {
    findings.add(node.at, `${findings.show(node)} is no op`, "an op is a list that begins with its name");
    return undefined;
  }
  const name = findName(head.text);
  if (name === undefined) {
    findings.add(node.at, ...explainUnknown(head.text, findings));
    return undefined;
  }
  const args = node.items.slice(1);
  const before = findings.all.length;
  const op = parseArgs(name, args, INLINE.includes(head.text), node, findings);
  if (op === undefined || findings.all.length > before) return undefined;
  places.set(op, node.at);
  markParts(op, node, places);
  return op;
}

/** `Run` is `run`, but `RUN` is not: the original compares after raising the first letter. */
function findName(text: ByteString): OpName | undefined {
  const name = text.charAt(0).toLowerCase() + text.slice(1);
  return OP_NAMES.find((known) => known === name);
}

function explainUnknown(text: ByteString, findings: Findings): [string, string] {
  if (text === "from") return ["a second from", "a spec has one; copy from a nested build with (from (build NAME))"];
  if (text === "build") return ["a build stands behind from", "builds come before (from IMAGE)"];
  const remedy = findings.didYouMean(text, OP_NAMES) ?? `ops are ${OP_NAMES.join(", ")}`;
  return [`unknown op ${quoteForMessage(text)}`, remedy];
}

function parseArgs(
  name: OpName,
  args: readonly Node[],
  isInline: boolean,
  node: ListNode,
  findings: Findings,
): Op | undefined {
  switch (name) {
    case "comment": {
      const text = parseSingle(name, args, node, findings);
      return text === undefined ? undefined : { op: "comment", text };
    }
    case "workdir": {
      const path = parseSingle(name, args, node, findings);
      return path === undefined ? undefined : { op: "workdir", path };
    }
    case "shell":
      return { op: "shell", args: parseAtoms(args, findings) };
    default: {
      const fields = isInline ? args : unwrap(name, args, node, findings);
      if (fields === undefined) return undefined;
      if (name === "run") return parseRun(fields, node, findings);
      if (name === "copy") return parseCopy(fields, node, findings);
      if (name === "env") return parseEnv(fields, node, findings);
      return parseUser(fields, node, findings);
    }
  }
}

function parseSingle(name: OpName, args: readonly Node[], node: ListNode, findings: Findings): ByteString | undefined {
  const [only] = args;
  if (args.length !== 1 || only === undefined) {
    findings.add(node.at, `${name} takes exactly one argument, not ${args.length}`, USAGE[name]);
    return undefined;
  }
  return parseAtom(only, findings);
}

/** `(Run (FIELD…))`: with a capital the fields stand in one further list. */
function unwrap(name: OpName, args: readonly Node[], node: ListNode, findings: Findings): readonly Node[] | undefined {
  const [only] = args;
  if (args.length !== 1 || only?.kind !== "list") {
    const at = args.length === 1 && only !== undefined ? only.at : node.at;
    findings.add(at, `with a capital letter the fields of ${name} stand in one more list`, USAGE[name]);
    return undefined;
  }
  return only.items;
}

function parseRun(fields: readonly Node[], node: ListNode, findings: Findings): RunOp | undefined {
  let cache: Mount[] = [];
  let network: ByteString[] = [];
  let secrets: Mount[] = [];
  let shell: ByteString | undefined;
  const known: Record<string, Field> = {
    cache: { takes: "many", read: (items) => (cache = parseMounts("cache", items, findings)) },
    network: { takes: "many", read: (items) => (network = parseAtoms(items, findings)) },
    secrets: { takes: "many", read: (items) => (secrets = parseMounts("secret", items, findings)) },
    shell: { takes: "one", isRequired: true, read: ([item]) => (shell = item && parseAtom(item, findings)) },
  };
  const isComplete = parseRecord({ what: "run", fields, at: node.at, known, usage: USAGE.run }, findings);
  return isComplete && shell !== undefined ? { op: "run", cache, network, secrets, shell } : undefined;
}

function parseCopy(fields: readonly Node[], node: ListNode, findings: Findings): CopyOp | undefined {
  let from: CopySource = { kind: "context" };
  let src: ByteString[] = [];
  let dst: ByteString | undefined;
  let exclude: ByteString[] = [];
  const known: Record<string, Field> = {
    from: { takes: "one", read: ([item]) => (from = (item && parseSource(item, findings)) ?? from) },
    src: { takes: "many", isRequired: true, read: (items) => (src = parseAtoms(items, findings)) },
    dst: { takes: "one", isRequired: true, read: ([item]) => (dst = item && parseAtom(item, findings)) },
    exclude: { takes: "many", read: (items) => (exclude = parseAtoms(items, findings)) },
  };
  const isComplete = parseRecord({ what: "copy", fields, at: node.at, known, usage: USAGE.copy }, findings);
  return isComplete && dst !== undefined ? { op: "copy", from, src, dst, exclude } : undefined;
}

function parseSource(node: Node, findings: Findings): CopySource | undefined {
  if (node.kind === "atom" && node.text === "context") return { kind: "context" };
  if (node.kind === "list" && node.items.length === 2) {
    const [word, name] = node.items;
    if (word?.kind === "atom" && word.text === "build" && name?.kind === "atom") {
      return { kind: "build", name: name.text };
    }
  }
  findings.add(
    node.at,
    `${findings.show(node)} is no source to copy from`,
    "write (from context) or (from (build NAME))",
  );
  return undefined;
}

function parseEnv(args: readonly Node[], node: ListNode, findings: Findings): Op | undefined {
  const [name, value] = args;
  if (args.length !== 2 || name === undefined || value === undefined) {
    findings.add(node.at, `env takes a name and a value, not ${args.length} arguments`, USAGE.env);
    return undefined;
  }
  const [first, second] = [parseAtom(name, findings), parseAtom(value, findings)];
  return first === undefined || second === undefined ? undefined : { op: "env", name: first, value: second };
}

/** The shape decides: exactly uid and then gid, or exactly a name. */
function parseUser(args: readonly Node[], node: ListNode, findings: Findings): Op | undefined {
  const [first, second] = args.map((arg) => pairOf(arg));
  let user: User | undefined;
  if (args.length === 1 && first?.key === "name") {
    const name = parseAtom(first.value, findings);
    if (name !== undefined) user = { kind: "windows", name };
  } else if (args.length === 2 && first?.key === "uid" && second?.key === "gid") {
    const [uid, gid] = [parseInteger(first.value, findings), parseInteger(second.value, findings)];
    if (uid !== undefined && gid !== undefined) user = { kind: "unix", uid, gid };
  } else {
    findings.add(node.at, `${findings.show(node)} is no user`, USAGE.user);
  }
  return user === undefined ? undefined : { op: "user", user };
}

function pairOf(node: Node): { key: ByteString; value: Node } | undefined {
  if (node.kind !== "list" || node.items.length !== 2) return undefined;
  const [key, value] = node.items;
  return key?.kind === "atom" && value !== undefined ? { key: key.text, value } : undefined;
}

function parseInteger(node: Node, findings: Findings): bigint | undefined {
  const value = node.kind === "atom" ? parseOcamlInt(node.text) : undefined;
  if (value === undefined) findings.add(node.at, `${findings.show(node)} is no integer of 63 bits`);
  return value;
}

function parseMounts(what: "cache" | "secret", nodes: readonly Node[], findings: Findings): Mount[] {
  return nodes.flatMap((node) => parseMount(what, node, findings) ?? []);
}

function parseMount(what: "cache" | "secret", node: Node, findings: Findings): Mount | undefined {
  const usage = `write (ID (target PATH))`;
  const head = node.kind === "list" ? node.items[0] : undefined;
  if (node.kind !== "list" || head?.kind !== "atom") {
    findings.add(node.at, `${findings.show(node)} is no ${what}`, usage);
    return undefined;
  }
  let target: ByteString | undefined;
  let buildkitOptions: (readonly [ByteString, ByteString])[] = [];
  const known: Record<string, Field> = {
    // The bare first element is the id already.
    id: { takes: "one", isGiven: true, read: () => undefined },
    target: { takes: "one", isRequired: true, read: ([item]) => (target = item && parseAtom(item, findings)) },
    buildkit_options: {
      takes: "one",
      read: ([item]) => (buildkitOptions = item === undefined ? [] : parsePairs(item, findings)),
    },
  };
  const record = { what: `${what} ${findings.show(head)}`, fields: node.items.slice(1), at: node.at, known, usage };
  const isComplete = parseRecord(record, findings);
  return isComplete && target !== undefined ? { id: head.text, target, buildkitOptions } : undefined;
}

function parsePairs(node: Node, findings: Findings): (readonly [ByteString, ByteString])[] {
  const usage = "write (buildkit_options ((KEY VALUE) …))";
  if (node.kind === "atom") {
    findings.add(node.at, `${findings.show(node)} is no list of options`, usage);
    return [];
  }
  return node.items.flatMap((item) => {
    const [key, value] = item.kind === "list" ? item.items : [];
    if (item.kind !== "list" || item.items.length !== 2 || key === undefined || value === undefined) {
      findings.add(item.at, `${findings.show(item)} is no pair of key and value`, usage);
      return [];
    }
    const [first, second] = [parseAtom(key, findings), parseAtom(value, findings)];
    return first === undefined || second === undefined ? [] : [[first, second] as const];
  });
}

/** Remembers where the parts stand that can still be refused when the spec is built. */
function markParts(op: Op, node: ListNode, places: SourceMap): void {
  if (op.op !== "copy" && op.op !== "run") return;
  const isWrapped =
    node.items.length === 2 && node.items[1]?.kind === "list" && node.items[1].items[0]?.kind === "list";
  const fields = isWrapped && node.items[1]?.kind === "list" ? node.items[1].items : node.items.slice(1);
  for (const field of fields) {
    if (field.kind !== "list" || field.items[0]?.kind !== "atom") continue;
    const name = field.items[0].text;
    places.setPart(op, name, field.items[1]?.at ?? field.at);
    field.items.slice(1).forEach((item, index) => {
      places.setPart(op, `${name}.${index}`, item.at);
    });
  }
}
