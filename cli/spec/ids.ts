import { DiskTree, type SourceTree } from "../../builder/copy/tree.js";
import { VirtualTree } from "../../builder/copy/virtual.js";
import { defaultContext, type BuildContext } from "../../builder/ids/context.js";
import type { EnvPair, StepId } from "../../builder/ids/ids.js";
import { StepRefused, walkSpec, type CopyStep, type FromStep, type RunStep } from "../../builder/ids/walk.js";
import { fromBytes, fromText, toBytes, toText, toTextExactly, type ByteString } from "../../builder/spec/bytes.js";
import { quoteForMessage } from "../../builder/spec/errors.js";
import { parseOcamlInt } from "../../builder/spec/integers.js";
import { anyImage, isDirectory, loadImages } from "./images.js";
import { parseOptions, takeChoice, takeFile, UsageError, type Options } from "./options.js";
import { loadSpec, readInput, reportErrors } from "./source.js";

type Step = FromStep | RunStep | CopyStep;

/** A base that IMAGES.json doesn't name. */
class ImageMissing extends Error {
  constructor(readonly step: FromStep) {
    super(`no such image ${quoteForMessage(step.name)}`);
  }
}

/**
 * `spec ids FILE …`: the steps in the order they are executed, each id once. Commands count as succeeding; files are
 * those of the source directory, of the images and of what copies lay over them.
 */
export async function runIds(argv: string[]): Promise<number> {
  const options = parseOptions(argv, {
    json: "flag",
    context: "value",
    images: "value",
    env: "list",
    secret: "list",
    workdir: "value",
    uid: "value",
    gid: "value",
    shell: "list",
    "id-compat": "value",
    "show-secrets": "flag",
  });
  const file = takeFile(options);
  const context = readContext(options);
  const source = readSource(options);
  const secrets = readSecrets(options);
  const images = options.value("images");
  const findImage = images === undefined ? anyImage : loadImages(images);
  const { name, result } = loadSpec(file);
  if (!result.ok) {
    reportErrors(name, result.lines, result.errors);
    return 1;
  }
  const trees = new Map<StepId, VirtualTree>();
  const treeOf = (id: StepId): VirtualTree => trees.get(id) ?? VirtualTree.empty();
  const lines: string[] = [];
  const meet = (step: Step, makeTree: () => VirtualTree): "saved" | "cached" => {
    if (trees.has(step.id)) return "cached";
    trees.set(step.id, makeTree());
    lines.push(options.has("json") ? printJson(step, options.has("show-secrets")) : printPlain(step));
    return "saved";
  };
  const report = (offset: number, message: string): number => {
    reportErrors(name, result.lines, [result.lines.locate({ code: "SPEC_INVALID", offset, message })]);
    return 1;
  };
  try {
    await walkSpec<SourceTree>(result.spec, context, {
      from: async (step) => {
        const image = findImage(step.name);
        const outcome = meet(step, () => image?.tree ?? VirtualTree.empty());
        if (image === undefined) throw new ImageMissing(step);
        return { outcome, env: image.env };
      },
      run: async (step) => meet(step, () => treeOf(step.parent)),
      copy: async (step) => meet(step, () => treeOf(step.parent).withCopy(step.plan)),
      openSource: (wanted) => (wanted.kind === "context" ? source() : treeOf(wanted.id)),
      findSecret: (id) => secrets.get(id),
    });
    return 0;
  } catch (error) {
    if (error instanceof StepRefused) return report(result.places.find(error.op, error.part) ?? 0, error.message);
    if (error instanceof ImageMissing) return report(result.places.find(error.step.spec, "from") ?? 0, error.message);
    throw error;
  } finally {
    process.stdout.write(lines.join(""));
  }
}

function readContext(options: Options): BuildContext {
  const context = defaultContext(takeChoice(options, "id-compat", ["0.5", "0.6", "master"]));
  const env = options.list("env").map((pair): EnvPair => {
    const equals = pair.indexOf("=");
    if (equals === -1) throw new UsageError(`--env takes NAME=VALUE, not ${JSON.stringify(pair)}`);
    return [fromText(pair.slice(0, equals)), fromText(pair.slice(equals + 1))];
  });
  const workdir = options.value("workdir");
  const shell = options.list("shell").map(fromText);
  return {
    ...context,
    env,
    user: { kind: "unix", uid: readInteger(options, "uid"), gid: readInteger(options, "gid") },
    ...(workdir === undefined ? {} : { workdir: fromText(workdir) }),
    ...(shell.length === 0 ? {} : { shell }),
  };
}

function readInteger(options: Options, name: string): bigint {
  const text = options.value(name) ?? "0";
  const value = parseOcamlInt(fromText(text));
  if (value === undefined) throw new UsageError(`--${name} takes a whole number, not ${JSON.stringify(text)}`);
  return value;
}

function readSource(options: Options): () => SourceTree {
  const directory = options.value("context");
  if (directory === undefined) {
    return () => {
      throw new UsageError("--context DIR is missing: the spec copies from the source directory");
    };
  }
  if (!isDirectory(directory)) throw new UsageError(`--context ${directory} is no directory`);
  const tree = new DiskTree(directory);
  return () => tree;
}

/** The first of the same id counts; a value is the file's bytes, untrimmed. */
function readSecrets(options: Options): Map<ByteString, ByteString> {
  const secrets = new Map<ByteString, ByteString>();
  for (const pair of options.list("secret")) {
    const colon = pair.indexOf(":");
    if (colon === -1) throw new UsageError(`--secret takes ID:FILE, not ${JSON.stringify(pair)}`);
    const id = fromText(pair.slice(0, colon));
    const value = fromBytes(readInput(pair.slice(colon + 1)));
    if (!secrets.has(id)) secrets.set(id, value);
  }
  return secrets;
}

function printJson(step: Step, showSecrets: boolean): string {
  const { kind, id } = step;
  const parent = step.kind === "from" ? null : step.parent;
  const isSecret = step.kind === "run" && step.secrets.length > 0 && !showSecrets;
  const preimage = isSecret ? {} : { preimage: printBytes(step.preimage) };
  return `${JSON.stringify({ kind, id, parent, ...preimage })}\n`;
}

function printBytes(bytes: ByteString): string | { base64: string } {
  return toTextExactly(bytes) ?? { base64: toBytes(bytes).toString("base64") };
}

function printPlain(step: Step): string {
  const what =
    step.kind === "from"
      ? step.name
      : step.kind === "run"
        ? step.op.shell
        : `${step.op.src.join(" ")} to ${step.plan.dst}`;
  const [first = ""] = toText(what as ByteString).split("\n");
  return `${step.kind.padEnd(4)} ${step.id} ${first.replace(/\p{Cc}/gu, "?")}\n`;
}
