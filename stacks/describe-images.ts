import { readFile } from "node:fs/promises";
import { digestContext } from "../builder/build/context-digest.js";
import { computeRecipe, publishedPath } from "../builder/build/recipe.js";
import { prepareContext } from "../builder/fetch/index.js";
import type { PinnedSource } from "../builder/fetch/index.js";
import { ocamlImageSpec } from "../builder/ocaml/index.js";
import { LineIndex, parseSpec, printSpecMach, renderError, toText } from "../builder/spec/index.js";
import type { BuilderPlace } from "../components/state-resource.js";
import { MacfoundryError } from "../host/errors.js";
import type {
  BuilderEntry,
  ImageEntry,
  OcamlImageEntry,
  SourceEntry,
  SpecImageEntry,
  StackConfig,
} from "./config/types.js";
import type { LiveConfig } from "./plain-text.js";
import { readText } from "./plain-text.js";

/** An image as every Mac of the pool shall have it: known before any of them is asked. */
export interface ImagePlan {
  entry: ImageEntry;
  builder: BuilderPlace;
  /** Canonical spec, mach form. */
  spec: string;
  /** What each `(from NAME)` means: an image of this stack, by its recipe and place. */
  from: Record<string, { image: string; recipe: string; path: string }>;
  /** Folder on the controller that `copy` steps read. */
  contextDir: string | undefined;
  contextDigest: string | undefined;
  recipe: string;
  path: string;
}

interface Parts {
  spec: string;
  sources: Record<string, string>;
  contextDir: string | undefined;
  contextDigest: string | undefined;
}

/** Plans all images of a stack, each after those it starts from. Raises SPEC_SYNTAX, SPEC_INVALID, SOURCE_INVALID. */
export async function describeImages(config: StackConfig, live: LiveConfig): Promise<ImagePlan[]> {
  const plans = new Map<string, ImagePlan>();
  for (const entry of config.images) {
    const account = config.builders.find(({ name }) => name === entry.builder);
    if (account === undefined) throw new Error(`image ${entry.name} has no builder`); // the loader has checked this
    const builder = placeBuilder(account, config.prefix.path);
    const parts = entry.kind === "ocaml" ? await describeOcaml(config, entry, live) : await describeSpec(entry);
    const from = entry.kind === "ocaml" ? {} : resolveFrom(entry, plans);
    const recipe = computeRecipe({
      spec: parts.spec,
      from: Object.fromEntries(Object.entries(from).map(([name, base]) => [name, base.recipe])),
      sources: parts.sources,
      arch: config.expect.arch,
      macos: config.expect.macos,
      builder,
      contextDigest: parts.contextDigest,
      env: entry.env,
      network: entry.network,
    });
    const { spec, contextDir, contextDigest } = parts;
    plans.set(entry.name, {
      entry,
      builder,
      spec,
      from,
      contextDir,
      contextDigest,
      recipe,
      path: publishedPath(entry.name, recipe),
    });
  }
  return [...plans.values()];
}

function placeBuilder({ name, uid, gid, home }: BuilderEntry, prefix: string): BuilderPlace {
  return { name, uid, gid, home, prefix };
}

async function describeOcaml(config: StackConfig, entry: OcamlImageEntry, live: LiveConfig): Promise<Parts> {
  const compiler = config.compilers.find(({ version }) => version === entry.compiler);
  if (compiler === undefined) throw new Error(`image ${entry.name} has no compiler`); // the loader has checked this
  const pinned = (name: string): PinnedSource => plainSource(name, config.sources[name], live);
  const commitOf = (name: string): string => {
    const source = pinned(name);
    if (source.kind === "git") return source.commit;
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: `source ${name}`,
      cause: "is an archive, but the OCaml image wants a git commit",
      remedy: `give fleet:sources.${name} git and commit`,
    });
  };
  const { text, sourceNames } = ocamlImageSpec({
    ocamlVersion: entry.compiler,
    arch: config.expect.arch,
    prefix: config.prefix.path,
    opamVersions: entry.opam,
    defaultOpam: entry.defaultOpam,
    compilerPrefix: compiler.prefix,
    sources: { brew: commitOf("brew"), "opam-repository": commitOf("opam-repository") },
    env: entry.env,
  });
  const sources = sourceNames.map(pinned);
  const { folder, digest } = await prepareContext(sources);
  const pins = sources.map((source): [string, string] => [
    source.name,
    source.kind === "git" ? source.commit : source.sha256,
  ]);
  const made = compiler.source === undefined ? undefined : config.sources[compiler.source];
  const compilerPin: [string, string][] = made?.kind === "archive" ? [["compiler", made.sha256]] : [];
  return {
    spec: text,
    sources: Object.fromEntries([...pins, ...compilerPin]),
    contextDir: folder,
    contextDigest: digest,
  };
}

async function describeSpec(entry: SpecImageEntry): Promise<Parts> {
  const bytes = await readFile(entry.spec);
  const parsed = parseSpec(bytes);
  if (!parsed.ok) {
    const [first] = parsed.errors;
    const lines = new LineIndex(bytes);
    throw new MacfoundryError({
      code: first?.code ?? "SPEC_INVALID",
      resource: `image ${entry.name}`,
      cause: `${parsed.errors.length} problem(s) in its spec\n${parsed.errors.map((error) => renderError(entry.spec, lines, error)).join("")}`,
      remedy: "correct the spec; `macfoundry spec check FILE` says the same without a Mac",
    });
  }
  const contextDigest = entry.context === undefined ? undefined : await digestContext(entry.context);
  return { spec: toText(printSpecMach(parsed.spec)), sources: {}, contextDir: entry.context, contextDigest };
}

function resolveFrom(entry: SpecImageEntry, plans: ReadonlyMap<string, ImagePlan>): ImagePlan["from"] {
  return Object.fromEntries(
    Object.entries(entry.from).map(([name, image]) => {
      const base = plans.get(image);
      if (base === undefined) throw new Error(`image ${entry.name} starts from ${image}, which is not planned yet`);
      return [name, { image, recipe: base.recipe, path: base.path }];
    }),
  );
}

function plainSource(name: string, source: SourceEntry | undefined, live: LiveConfig): PinnedSource {
  if (source === undefined) {
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: `source ${name}`,
      cause: "fleet:sources has none of this name, but the OCaml image needs it",
      remedy: `add fleet:sources.${name} (docs/config.md)`,
    });
  }
  if (source.kind === "archive")
    return { kind: "archive", name, path: readText(source.path, live), sha256: source.sha256 };
  return { kind: "git", name, git: readText(source.git, live), commit: source.commit, ref: source.ref };
}
