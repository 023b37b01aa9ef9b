import { publishedPath } from "../../builder/build/recipe.js";
import { MacfoundryError } from "../../host/errors.js";
import { show } from "../checks.js";
import type { Change, Problem, Props, StateResource } from "../resource.js";
import { activationFacts, type ActivationFacts, type Alias } from "./facts.js";
import { renderActivateScript, renderDeactivateScript } from "./script.js";

export interface ActivationInputs extends Props {
  host: string;
  /** Image name to the recipe that `/Users/<image>` shall lead to; an older one is a rollback. */
  images: Record<string, string>;
}

export interface ActivationObserved extends Props {
  /** The recipe each link leads to; for anything else, what is there in words. */
  images?: Record<string, string>;
  /** Number of the last activation on this Mac. */
  generation?: number;
}

/** What is there when it is no link of ours. */
const FOREIGN = "not a link of macfoundry's";

/**
 * Which publication each `/Users/<image>` leads to. All links of a Mac are flipped in one change, or none; every flip is
 * a generation, kept in /var/db/macfoundry/activations. There is no worker yet, so nothing is drained.
 */
export const activation: StateResource<ActivationInputs, ActivationObserved, ActivationFacts> = {
  folder: "activation",
  type: "Activation",
  facts: activationFacts,
  check: checkActivation,
  computed: ["generation"],

  read(facts, inputs) {
    const images: Record<string, string> = {};
    for (const image of Object.keys(inputs.images)) {
      const live = describeAlias(facts, image);
      if (live !== undefined) images[image] = live;
    }
    if (Object.keys(images).length === 0) return undefined;
    return { images, generation: facts.generation };
  },

  plan(observed, inputs) {
    return Object.entries(inputs.images).flatMap(([image, desired]): Change[] => {
      const live = observed?.images?.[image];
      if (live === desired) return [];
      const change: Change = { path: `images[${JSON.stringify(image)}]`, live, desired };
      if (live === FOREIGN) {
        change.code = "NOT_OWNED";
        change.human = `/Users/${image} was not made by macfoundry: move it away, or give the image another name, then run again`;
      }
      return [change];
    });
  },

  async apply(context, inputs, observed) {
    const { host } = context;
    const foreign = activation.plan(observed, inputs).find((change) => change.human !== undefined);
    if (foreign !== undefined) {
      throw new MacfoundryError({
        code: "NOT_OWNED",
        host: host.name,
        resource: foreign.path,
        cause: `it is ${show(foreign.live)}`,
        remedy: foreign.human ?? "",
      });
    }
    context.progress(`activating ${Object.keys(inputs.images).join(", ")}`);
    const result = await host.tryChange("activation", renderActivateScript(inputs.images));
    if (result.code === 3) {
      throw new MacfoundryError({
        code: "NOT_OWNED",
        host: host.name,
        resource: "activation",
        cause: result.stderr.toString("utf8").trim(),
        remedy: "move it away, or give the image another name, then run again; no link was changed",
      });
    }
    if (result.code === 4) {
      throw new MacfoundryError({
        code: "COMMAND_FAILED",
        host: host.name,
        resource: "activation",
        cause: result.stderr.toString("utf8").trim(),
        remedy: "build that image first (its BaseImage publishes it), then run again; no link was changed",
      });
    }
    if (result.code !== 0) throw host.failure("activation", result);
  },

  async remove(context, inputs) {
    await context.host.change("activation", renderDeactivateScript(Object.keys(inputs.images)));
    context.log("the images' links are gone; their publications stay until the images are removed");
  },

  importInputs(facts) {
    const images: Record<string, string> = {};
    for (const [image, alias] of facts.aliases) {
      const recipe = alias.kind === "link" ? facts.recipes.get(alias.target) : undefined;
      if (recipe !== undefined) images[image] = recipe;
    }
    return Object.keys(images).length === 0 ? undefined : { host: "", images };
  },
};

function describeAlias(facts: ActivationFacts, image: string): string | undefined {
  const alias: Alias | undefined = facts.aliases.get(image);
  if (alias === undefined) return undefined;
  const isOurs = alias.kind === "link" && (facts.linked.has(image) || alias.target.startsWith(`/Users/${image}@`));
  if (!isOurs) return FOREIGN;
  const recipe = facts.recipes.get(alias.target);
  if (alias.isDangling) return `a link to ${alias.target}, where nothing is`;
  if (!alias.target.startsWith(`/Users/${image}@`)) return `a link to ${alias.target}`;
  return recipe ?? `a link to ${alias.target}, which has no receipt`;
}

function checkActivation(props: Props): Problem[] {
  const images = props["images"];
  if (images === undefined) return [];
  if (typeof images !== "object" || images === null)
    return [{ path: "images", reason: `must be images and their recipes, got ${show(images)}` }];
  return Object.entries(images).flatMap(([image, recipe]): Problem[] => {
    const path = `images[${JSON.stringify(image)}]`;
    if (recipe === undefined) return [];
    if (typeof recipe !== "string") return [{ path, reason: `must be a recipe, got ${show(recipe)}` }];
    try {
      publishedPath(image, recipe);
      return [];
    } catch (error) {
      return [{ path, reason: error instanceof Error ? error.message : String(error) }];
    }
  });
}
