import { prepareContext, type PinnedSource } from "../../builder/fetch/index.js";
import { ocamlImageSpec } from "../../builder/ocaml/index.js";
import type { Spec } from "../../builder/spec/index.js";
import type { Builder } from "../../builder/store/layout.js";
import { readStackText } from "../hosts/stack.js";
import type { Options } from "../spec/options.js";
import { readImageInputs, refuseImage } from "./image-inputs.js";
import type { Survey } from "./survey.js";

/** The OCaml base image of a compiler's version, with the sources that the selected stack pins. Raises CONFIG_INVALID, SOURCE_INVALID. */
export async function describeImage(
  version: string,
  builder: Builder,
  survey: Survey,
  options: Options,
  signal: AbortSignal | undefined,
): Promise<{ spec: Spec; contextDir: string }> {
  if (builder.prefix === undefined)
    throw refuseImage(version, "it needs a place for Homebrew", "name it with --brew-path");
  const { file, text, resolvePath } = readStackText(options.value("stack"), process.env);
  const inputs = readImageInputs(text, file, version, resolvePath);
  const commitOf = (name: string): string => {
    const source = inputs.source(name);
    if (source.kind === "git") return source.commit;
    throw refuseImage(version, `fleet:sources.${name} is an archive`, "give it git and commit");
  };
  const image = ocamlImageSpec({
    ocamlVersion: version,
    arch: survey.machine === "arm64" ? "arm64" : "x86_64",
    prefix: builder.prefix,
    opamVersions: inputs.opamVersions,
    defaultOpam: inputs.defaultOpam,
    compilerPrefix: inputs.compilerPrefix,
    sources: { brew: commitOf("brew"), "opam-repository": commitOf("opam-repository") },
    env: inputs.env,
  });
  const sources = image.sourceNames.map((name): PinnedSource => inputs.source(name));
  const context = await prepareContext(sources, { signal });
  return { spec: image.spec, contextDir: context.folder };
}
