import type { PinnedSource } from "../../builder/fetch/index.js";
import { MacfoundryError } from "../../host/errors.js";
import { parseStackFile } from "../hosts/read-hosts.js";

/** What a stack says of the OCaml image of one compiler. */
export interface ImageInputs {
  readonly compilerPrefix: string;
  readonly opamVersions: readonly string[];
  readonly defaultOpam: string;
  readonly env: Readonly<Record<string, string>>;
  /** Raises CONFIG_INVALID. */
  source(name: string): PinnedSource;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the parts of a stack file that the OCaml image is made of. The file's full check is Pulumi's; here only what is
 * used must be right. `resolvePath` makes a path of the file absolute. Raises CONFIG_INVALID.
 */
export function readImageInputs(
  text: string,
  file: string,
  version: string,
  resolvePath: (path: string) => string,
): ImageInputs {
  const config = asMap(asMap(parseStackFile(text, file))["config"]);
  const images = Object.values(asMap(config["fleet:images"])).map(asMap);
  const image = images.find(({ spec, compiler }) => spec === "ocaml" && compiler === version);
  if (image === undefined)
    throw refuseImage(
      version,
      `${file} has no image with spec: ocaml and compiler: ${JSON.stringify(version)}`,
      "add one to its fleet:images, or name another stack with --stack",
    );
  const opamVersions = asList(image["opam"]).filter((item) => typeof item === "string");
  const [first] = opamVersions;
  if (first === undefined) throw refuseImage(version, "its opam lists no version", `give it one in ${file}`);
  const compiler = asList(config["fleet:compilers"])
    .map(asMap)
    .find((item) => item["version"] === version);
  const { default: chosen } = image;
  return {
    compilerPrefix: asText(compiler?.["prefix"]) ?? `/Library/macfoundry/ocaml/${version}`,
    opamVersions,
    defaultOpam: asText(chosen) ?? first,
    env: Object.fromEntries(
      Object.entries(asMap(image["env"])).filter((pair): pair is [string, string] => typeof pair[1] === "string"),
    ),
    source: (name) => {
      const source = asMap(asMap(config["fleet:sources"])[name]);
      const [git, commit, place, sha256] = ["git", "commit", "path", "sha256"].map((key) => asText(source[key]));
      if (git !== undefined && commit !== undefined) {
        const ref = asText(source["ref"]);
        const isRemote = /^[a-z+]+:\/\//.test(git) || /^[^/]+:/.test(git);
        return {
          kind: "git",
          name,
          git: isRemote ? git : resolvePath(git),
          commit,
          ...(ref === undefined ? {} : { ref }),
        };
      }
      if (place !== undefined && sha256 !== undefined)
        return { kind: "archive", name, path: resolvePath(place), sha256 };
      throw refuseImage(
        version,
        `fleet:sources.${name} of ${file} has neither git and commit nor path and sha256 in plain`,
        "pin it there (encrypted values can only be read by Pulumi)",
      );
    },
  };
}

export function refuseImage(version: string, cause: string, remedy: string): MacfoundryError {
  return new MacfoundryError({ code: "CONFIG_INVALID", resource: `OCaml ${version} image`, cause, remedy });
}

function asMap(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
