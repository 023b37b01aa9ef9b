import { createHash } from "node:crypto";

/**
 * Everything that decides what an image is, known before any Mac is asked. Two Macs of a pool have equal recipes; any
 * change here gives another image beside the old one.
 */
export interface RecipeInput {
  /** Canonical spec, mach form (printSpecMach), as text. */
  spec: string;
  /** Recipe of the image behind each `(from NAME)`. */
  from: Readonly<Record<string, string>>;
  /** What the spec's steps fetch: sha256 or commit by source name. */
  sources: Readonly<Record<string, string>>;
  arch: string;
  /** Expected macOS (`14`); undefined when any will do. */
  macos: string | undefined;
  /** Packages and opam switches cannot be moved: home, prefix and owner are part of what is built. */
  builder: { name: string; uid: number; gid: number; home: string; prefix: string | undefined };
  /** Of the copy steps' context folder (digestContext); undefined when there is none. */
  contextDigest: string | undefined;
  env: Readonly<Record<string, string>>;
  network: "allow" | "deny";
}

const RECIPE_VERSION = 1;

/** The recipe digest: 64 lower-case hex digits. */
export function computeRecipe(input: RecipeInput): string {
  const text = stringify({ version: RECIPE_VERSION, ...input });
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** As much of a recipe as names show: `/Users/<image>@<these>`. */
export const RECIPE_NAME_DIGITS = 16;

/** Where an image of a recipe is published. */
export function publishedPath(image: string, recipe: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(image))
    throw new RangeError(`not an image name: ${JSON.stringify(image)}`);
  if (!/^[0-9a-f]{64}$/.test(recipe)) throw new RangeError(`not a recipe: ${JSON.stringify(recipe)}`);
  return `/Users/${image}@${recipe.slice(0, RECIPE_NAME_DIGITS)}`;
}

/** JSON with keys in order, so that equal values have equal text. */
function stringify(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${stringify(entry)}`).join(",")}}`;
}
