import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { parse } from "yaml";
import { MacfoundryError } from "../host/errors.js";

/** `dist/stacks/` and `stacks/` lie at these depths below the clone. */
const CLONE = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/**
 * Pulumi tells a program the values of its configuration, not the file's name. By default the file lies in this clone's
 * `stacks/`; MACFOUNDRY_STACK_FILE names another, as `--config-file` does for Pulumi itself.
 */
export function findStackFile(stack: string, environment: NodeJS.ProcessEnv): string {
  return environment["MACFOUNDRY_STACK_FILE"] ?? join(CLONE, "stacks", `Pulumi.${stack}.yaml`);
}

/**
 * The file that we read must be the one that Pulumi read, or a person would change one and wonder. Encrypted values are
 * left out of the comparison. Raises CONFIG_INVALID.
 */
export function assertSameConfig(file: string, text: string, live: Readonly<Record<string, string>>): void {
  const document = parse(text, { schema: "core" }) as { config?: Record<string, unknown> } | null;
  for (const [key, value] of Object.entries(document?.config ?? {})) {
    if (JSON.stringify(value)?.includes('"secure":') === true) continue;
    const given = live[key];
    if (given !== undefined && isDeepStrictEqual(parseLive(given, value), value)) continue;
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: file,
      cause: `${key} is not what Pulumi uses for this stack`,
      remedy: "name the file that Pulumi reads (its --config-file) in MACFOUNDRY_STACK_FILE as well",
    });
  }
}

function parseLive(given: string, like: unknown): unknown {
  if (typeof like === "string") return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}
