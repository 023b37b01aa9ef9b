import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { parseStackDocument } from "./document.js";
import { loadStackConfig } from "./load.js";
import { renderPath, type Path } from "./paths.js";
import { parseSpec, toText, type Spec } from "../../builder/spec/index.js";
import { offerNames } from "./suggest.js";
import type { ConfigProblem, ImageEntry, LoadResult, SourceEntry, SpecImageEntry, StackConfig, Text } from "./types.js";

/**
 * Loads the stack file at `file`. Paths on this machine come out absolute (`~/` is the home of who runs this, others
 * count from the file's folder); a spec file or context folder that is not there is a problem like any other, and so is
 * a base that the spec and the image's `from` don't agree on.
 */
export async function readStackConfig(file: string): Promise<LoadResult> {
  let text: string;
  try {
    text = await fs.readFile(file, "utf8");
  } catch (error) {
    const reason = `cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
    const remedy = "run in the folder of Pulumi.yaml, or `pulumi stack init` first";
    return { ok: false, problems: [{ file, line: 1, column: 1, path: "", reason, remedy }] };
  }
  const loaded = loadStackConfig(text, file);
  if (!loaded.ok) return loaded;
  const config = resolvePaths(loaded.config, path.dirname(path.resolve(file)));
  const faults = (await Promise.all(config.images.map(findMissing))).flat();
  if (faults.length === 0) return { ok: true, config };
  const document = parseStackDocument(text);
  const problems = faults.map(({ at, reason, remedy }): ConfigProblem => {
    return { file, ...document.locate(at, "value"), path: renderPath(at), reason, remedy };
  });
  return { ok: false, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

function resolvePaths(config: StackConfig, folder: string): StackConfig {
  const resolve = (text: string): string => {
    return text.startsWith("~/") ? path.join(os.homedir(), text.slice(2)) : path.resolve(folder, text);
  };
  const resolveText = (text: Text): Text => (typeof text === "string" ? resolve(text) : text);
  const sources = Object.entries(config.sources).map(([name, source]): [string, SourceEntry] => {
    if (source.kind === "archive") return [name, { ...source, path: resolveText(source.path) }];
    return [name, isRemote(source.git) ? source : { ...source, git: resolveText(source.git) }];
  });
  const images = config.images.map((image): ImageEntry => {
    if (image.kind === "ocaml") return image;
    const context = image.context === undefined ? undefined : resolve(image.context);
    return { ...image, spec: resolve(image.spec), context };
  });
  return { ...config, images, sources: Object.fromEntries(sources) };
}

/** `https://…`, `ssh://…` or `user@host:path`, as git tells them from folders. */
function isRemote(git: Text): boolean {
  return typeof git === "string" && (/^[a-z+]+:\/\//.test(git) || /^[^/]+:/.test(git));
}

interface Missing {
  at: Path;
  reason: string;
  remedy: string;
}

async function findMissing(image: ImageEntry): Promise<Missing[]> {
  if (image.kind === "ocaml") return [];
  const at = ["config", "fleet:images", image.name];
  const [spec, context] = await Promise.all([statKind(image.spec), statKind(image.context)]);
  const missing: Missing[] = [];
  if (spec !== "file") {
    const near = "`spec: ocaml` is macfoundry's own image; anything else is the path of a spec file";
    missing.push({ at: [...at, "spec"], reason: `${image.spec} ${describeKind(spec, "file")}`, remedy: near });
  }
  if (spec === "file") missing.push(...checkBases(image, await fs.readFile(image.spec)));
  if (image.context !== undefined && context !== "folder") {
    const reason = `${image.context} ${describeKind(context, "folder")}`;
    missing.push({ at: [...at, "context"], reason, remedy: "make the folder, or correct the path" });
  }
  return missing;
}

/** What the spec starts from, against the stack's `from`. A spec that cannot be read is told of when it is planned. */
function checkBases(image: SpecImageEntry, bytes: Buffer): Missing[] {
  const parsed = parseSpec(bytes);
  if (!parsed.ok) return [];
  const at = ["config", "fleet:images", image.name];
  const used = new Set(listBases(parsed.spec));
  const unknown = [...used].filter(
    (name) => name !== "empty" && !name.includes("@") && !Object.hasOwn(image.from, name),
  );
  const unused = Object.keys(image.from).filter((name) => !used.has(name));
  return [
    ...unknown.map((name) => ({
      at: [...at, "spec"],
      reason: `its (from ${name}) is not explained by the image's from`,
      remedy: `add from: { ${JSON.stringify(name)}: IMAGE } with an image of this stack`,
    })),
    ...unused.map((name) => ({
      at: [...at, "from", name],
      reason: `the spec has no (from ${name})`,
      remedy: offerNames(name, [...used], "names that the spec starts from"),
    })),
  ];
}

function listBases(spec: Spec): string[] {
  return [toText(spec.from), ...spec.builds.flatMap((build) => listBases(build.spec))];
}

type Kind = "file" | "folder" | "other" | "nothing";

async function statKind(file: string | undefined): Promise<Kind> {
  if (file === undefined) return "nothing";
  try {
    const stat = await fs.stat(file);
    return stat.isFile() ? "file" : stat.isDirectory() ? "folder" : "other";
  } catch {
    return "nothing";
  }
}

function describeKind(kind: Kind, wanted: string): string {
  return kind === "nothing" ? "is not there" : `is not a ${wanted}`;
}
