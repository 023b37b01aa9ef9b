import {
  buildSpec,
  locateStore,
  type Builder,
  type BuildResult,
  type ResolvedBase,
  type StoreConfig,
  type StoreMode,
} from "../../builder/build/build.js";
import { IMAGES_DIR, publishImage, renderUnpublishScript, type Receipt } from "../../builder/build/publish.js";
import { publishedPath, RECIPE_NAME_DIGITS } from "../../builder/build/recipe.js";
import { renderRepairRows } from "../../builder/store/repair.js";
import { fromText, parseSpec, type Spec } from "../../builder/spec/index.js";
import { MacfoundryError } from "../../host/errors.js";
import { checkAbsolutePath, checkInteger, checkOneOf, checkPattern, show } from "../checks.js";
import type { ApplyContext, Change, Problem, Props, StateResource } from "../resource.js";
import { checkBuilder } from "../builder-input.js";
import { baseImageFacts, type BaseImageFacts, type ImageFacts } from "./facts.js";
import { narrate } from "./progress.js";

export interface BaseImageInputs extends Props {
  host: string;
  image: string;
  builder: Builder & Props;
  store: { engine: StoreConfig["engine"]; mode: StoreMode; path: string } & Props;
  /** Canonical spec, mach form. */
  spec: string;
  /** Folder of the controller that copy steps read. */
  contextDir?: string;
  contextDigest?: string;
  /** What each `(from NAME)` of the spec means: an image published on this Mac. */
  from?: Record<string, { image: string; recipe: string }>;
  /** What the build's environment starts with. */
  env?: Record<string, string>;
  network?: "allow" | "deny";
  /** computeRecipe of all of the above and the sources. */
  recipe: string;
  /** Older publications that stay for a rollback. */
  keep: number;
  /** Set aside what the builder's home and prefix hold of others. */
  adopt?: boolean;
  /** Of the image's test: another test runs in the image's own home, which an update puts in place. */
  testDigest?: string;
}

export interface BaseImageObserved extends Props {
  recipe?: string;
  /** What is wanted, or how many there are beyond it. */
  keep?: number;
  path?: string;
  /** `whole`, `missing` or `altered`: the published folder's top two levels against the receipt. */
  published?: string;
  /** `whole`, or which steps' results or rows are damaged. */
  results?: string;
  treeDigest?: string;
  /** Recipes of the older publications, newest first. */
  kept?: string[];
  steps?: Receipt["steps"];
}

const WHOLE = "whole";

/**
 * An image: a spec built as the builder and published as `/Users/<image>@<recipe>` beside older ones. Read looks at the
 * receipt, the published folder's top two levels, the folders and rows of all its steps' results. What
 * `/Users/<image>` points at is Activation's. Contents below the top two levels: `macfoundry store verify`.
 */
export const baseImage: StateResource<BaseImageInputs, BaseImageObserved, BaseImageFacts> = {
  folder: "base-image",
  type: "BaseImage",
  facts: baseImageFacts,
  check: checkImage,
  controllerInputs: ["contextDir"],
  computed: ["treeDigest", "kept", "steps"],

  complete(props) {
    const { image, recipe } = props;
    const isKnown = typeof image === "string" && typeof recipe === "string" && /^[0-9a-f]{64}$/.test(recipe);
    return { ...props, ...(isKnown ? { path: publishedPath(image, recipe) } : {}), published: WHOLE, results: WHOLE };
  },

  read(facts, inputs) {
    const all = sortByAge(facts.images.get(inputs.image) ?? []);
    const wanted = all.find(({ receipt }) => receipt.recipe === inputs.recipe);
    const shown = wanted ?? all[0];
    if (shown === undefined) return undefined;
    const { receipt } = shown;
    const older = all.filter((other) => other !== shown);
    // The one in use stays whatever `keep` says: it is no difference that a change could mend.
    const removable = older.filter((other) => other.receipt.path !== facts.aliases.get(inputs.image));
    return {
      ...inputs,
      keep: Math.max(inputs.keep, removable.length),
      recipe: receipt.recipe,
      path: receipt.path,
      published: shown.published,
      results: describeResults(shown),
      treeDigest: receipt.treeDigest,
      kept: older.map((other) => other.receipt.recipe),
      steps: receipt.steps,
    };
  },

  plan(observed, inputs) {
    const changes: Change[] = [];
    const add = (path: string, live: unknown, desired: unknown) => {
      if (live !== desired) changes.push({ path, live, desired });
    };
    add("recipe", observed?.recipe, inputs.recipe);
    add("published", observed?.published, WHOLE);
    add("results", observed?.results, WHOLE);
    if (observed?.recipe === inputs.recipe) add("keep", observed.keep, inputs.keep);
    return changes;
  },

  async apply(context, inputs, observed) {
    const { host } = context;
    const spec = readSpec(inputs);
    const store = {
      engine: inputs.store.engine,
      mode: inputs.store.mode,
      root: locateStore(inputs.store.path, inputs.builder.name),
    };
    const isOurs = observed?.recipe === inputs.recipe;
    const events = narrate(context);
    // Also when nothing of the image differs: the builder's home and prefix must hold it when its test runs.
    const result = await buildSpec(
      {
        host,
        builder: inputs.builder,
        store,
        spec,
        contextDir: inputs.contextDir,
        resolveBase: (name) => resolveBase(inputs, name),
        network: inputs.network,
        env: Object.entries(inputs.env ?? {}).map(([name, value]) => [fromText(name), fromText(value)] as const),
        isAdopting: inputs.adopt,
      },
      events,
      context.signal,
    );
    context.log(describeSteps(result.steps));
    const ids = result.steps.map(({ id }) => id);
    if (!isOurs || observed.results !== WHOLE) {
      await host.change(`rows of ${inputs.image}`, renderRepairRows(store, inputs.builder));
    }
    const isUnchanged = isOurs && observed.published === WHOLE && result.steps.every(({ isCached }) => isCached);
    if (!isUnchanged) {
      context.progress(`publishing ${publishedPath(inputs.image, inputs.recipe)}`);
      const { image, recipe, builder } = inputs;
      await publishImage({ host, builder, store, image, recipe, ids, steps: result.steps }, events, context.signal);
    }
    await dropOldPublications(context, inputs);
  },

  async remove(context, inputs) {
    const recipes = await listReceipts(context, inputs.image);
    if (recipes.length === 0) return;
    const text = await context.host.change(`image ${inputs.image}`, renderUnpublishScript(inputs.image, recipes));
    for (const recipe of keptRecipes(text))
      context.warn(`${publishedPath(inputs.image, recipe)} stays: /Users/${inputs.image} points at it`);
  },

  importInputs() {
    // A spec cannot be had back from what it made: images are built, not imported.
    return undefined;
  },
};

function describeSteps(steps: BuildResult["steps"]): string {
  const cached = steps.filter(({ isCached }) => isCached).length;
  if (cached === steps.length) return `${steps.length} steps, all cached`;
  return `${steps.length} steps: ${steps.length - cached} run, ${cached} cached`;
}

function resolveBase(inputs: BaseImageInputs, name: string): ResolvedBase | undefined {
  const known = inputs.from?.[name];
  if (known !== undefined) return { path: publishedPath(known.image, known.recipe), digest: known.recipe };
  const pinned = /^([A-Za-z0-9][A-Za-z0-9._-]*)@([0-9a-f]{16,64})$/.exec(name);
  const [, image = "", digest = ""] = pinned ?? [];
  return pinned === null ? undefined : { path: `/Users/${image}@${digest.slice(0, RECIPE_NAME_DIGITS)}`, digest };
}

function readSpec(inputs: BaseImageInputs): Spec {
  const parsed = parseSpec(Buffer.from(inputs.spec, "utf8"));
  if (parsed.ok) return parsed.spec;
  throw new MacfoundryError({
    code: "SPEC_INVALID",
    resource: `image ${inputs.image}`,
    cause: parsed.errors.map((error) => `line ${error.line}, column ${error.column}: ${error.message}`).join("; "),
    remedy: "mend the spec (`macfoundry spec check FILE` shows every error in its place)",
  });
}

async function dropOldPublications(context: ApplyContext, inputs: BaseImageInputs): Promise<void> {
  const older = (await listReceipts(context, inputs.image)).filter((recipe) => recipe !== inputs.recipe);
  const excess = older.slice(inputs.keep);
  if (excess.length === 0) return;
  const text = await context.host.change(`image ${inputs.image}`, renderUnpublishScript(inputs.image, excess));
  const kept = new Set(keptRecipes(text));
  for (const recipe of excess) {
    if (!kept.has(recipe))
      context.log(`${publishedPath(inputs.image, recipe)} was removed: ${inputs.keep} older ones are kept`);
  }
}

/** Recipes that have a receipt, the newest publication first. */
async function listReceipts(context: ApplyContext, image: string): Promise<string[]> {
  const text = await context.host.read(`cat ${IMAGES_DIR}/${image}/* 2>/dev/null || :`);
  const receipts = text.split("\n").flatMap((line) => {
    const match = /"recipe":"([0-9a-f]{64})".*"publishedAt":"([^"]*)"/.exec(line);
    return match === null ? [] : [{ recipe: match[1] ?? "", at: match[2] ?? "" }];
  });
  return receipts.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).map(({ recipe }) => recipe);
}

function keptRecipes(text: string): string[] {
  return [...text.matchAll(/^kept ([0-9a-f]{64})$/gm)].map((match) => match[1] ?? "");
}

function sortByAge(images: readonly ImageFacts[]): ImageFacts[] {
  return [...images].sort((a, b) => (a.receipt.publishedAt < b.receipt.publishedAt ? 1 : -1));
}

function describeResults(facts: ImageFacts): string {
  const total = facts.receipt.ids.length;
  const damage = facts.missingSteps.map((step) => `step ${step} of ${total} is missing`);
  damage.push(...(facts.rowTrouble ?? []));
  return damage.length === 0 ? WHOLE : damage.join(", ");
}

function checkImage(props: Props): Problem[] {
  const problems: Problem[] = [];
  const { image, recipe, keep, contextDir, network, spec } = props;
  if (image !== undefined)
    checkPattern(problems, "image", image, /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "a name of letters, digits, . - and _");
  if (recipe !== undefined) checkPattern(problems, "recipe", recipe, /^[0-9a-f]{64}$/, "64 lower-case hex digits");
  if (keep !== undefined) checkInteger(problems, "keep", keep, 0, 100);
  if (contextDir !== undefined) checkAbsolutePath(problems, "contextDir", contextDir);
  if (network !== undefined) checkOneOf(problems, props, "network", ["allow", "deny"]);
  if (spec !== undefined) {
    if (typeof spec !== "string") problems.push({ path: "spec", reason: `must be a spec's text, got ${show(spec)}` });
    else {
      const parsed = parseSpec(Buffer.from(spec, "utf8"));
      if (!parsed.ok)
        problems.push(
          ...parsed.errors.map((error) => ({
            path: "spec",
            reason: `line ${error.line}, column ${error.column}: ${error.message}`,
          })),
        );
    }
  }
  checkBuilder(problems, props["builder"]);
  return problems;
}
