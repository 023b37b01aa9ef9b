import type { SystemCompilersArgs } from "../components/system-compiler/system-compiler.js";
import type { StackConfig } from "./config/types.js";
import { isSecret } from "./config/types.js";
import { MacfoundryError } from "../host/errors.js";

/** The compilers of a pool as one resource wants them. Raises CONFIG_INVALID for a source that is no archive. */
export function describeCompilers(
  config: StackConfig,
): Pick<SystemCompilersArgs, "compilers" | "builder" | "archives"> {
  const archives: Record<string, string> = {};
  const compilers = config.compilers.map(({ version, prefix, source, configureArgs }) => {
    if (source === undefined) return { version, prefix, configureArgs: [...configureArgs] };
    const entry = config.sources[source];
    if (entry?.kind !== "archive" || isSecret(entry.path)) throw notAnArchive(version, source);
    archives[entry.sha256] = entry.path;
    return { version, prefix, sourceSha256: entry.sha256, configureArgs: [...configureArgs] };
  });
  const [builder] = config.builders;
  if (builder === undefined) {
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: "fleet:compilers",
      cause: "there is no builder to compile as",
      remedy: "add one to fleet:builders",
    });
  }
  return { compilers, builder: { name: builder.name, uid: builder.uid }, archives };
}

function notAnArchive(version: string, source: string): MacfoundryError {
  return new MacfoundryError({
    code: "CONFIG_INVALID",
    resource: `compiler ${version}`,
    cause: `its source ${source} is no archive with a plain path`,
    remedy: `give fleet:sources.${source} a path and a sha256`,
  });
}
