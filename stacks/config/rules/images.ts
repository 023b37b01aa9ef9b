import type { Path } from "../paths.js";
import { collectNames, type RawConfig, type RawImage, type Report } from "../raw.js";
import { show } from "../shape.js";
import { offerNames } from "../suggest.js";
import { checkCycles } from "./cycles.js";

/** Folders of /Users that are not ours to replace. */
const TAKEN_NAMES = new Set(["shared", "guest", "root", "deleted users"]);

const OCAML_ONLY = ["compiler", "opam", "default"] as const;
const SPEC_ONLY = ["context", "from"] as const;

export function checkImages(config: RawConfig, report: Report): void {
  const images = config["fleet:images"] ?? {};
  const seen = new Map<string, string>();
  for (const [name, image] of Object.entries(images)) {
    const path = ["config", "fleet:images", name];
    checkName(name, config, path, report);
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) report(path, `differs from ${twin} only by case`, "rename one of the two", "key");
    seen.set(name.toLowerCase(), name);
    checkBuilder(image, config, path, report);
    checkEnv(image, path, report);
    if (image.spec === "ocaml") checkOcamlImage(image, config, path, report);
    else if (image.spec !== undefined) checkSpecImage(image, config, path, report);
  }
  checkOneBuilder(images, report);
  checkCycles(images, report);
}

function checkName(name: string, config: RawConfig, path: Path, report: Report): void {
  const remedy = "begin with a letter or digit and use letters, digits, . _ and - (at most 63)";
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) {
    report(path, `${JSON.stringify(name)} cannot name an image: it becomes the folder /Users/${name}`, remedy, "key");
  }
  const lower = name.toLowerCase();
  const home = `/users/${lower}`;
  const builder = (config["fleet:builders"] ?? []).find(
    (entry) => entry?.name?.toLowerCase() === lower || entry?.home?.toLowerCase() === home,
  );
  const host = Object.values(config["macfoundry:hosts"] ?? {}).find((entry) => entry.user === name);
  if (TAKEN_NAMES.has(lower) || builder !== undefined || host !== undefined) {
    const owner = TAKEN_NAMES.has(lower) ? "macOS" : `the account ${builder?.name ?? name}`;
    report(path, `/Users/${name} belongs to ${owner}`, "give the image another name", "key");
  }
}

function checkBuilder(image: RawImage, config: RawConfig, path: Path, report: Report): void {
  const builders = collectNames((config["fleet:builders"] ?? []).map((builder) => builder?.name));
  if (image.builder === undefined || builders.names.includes(image.builder) || !builders.isWhole) return;
  if (report.isBroken(["config", "fleet:builders"])) return;
  const remedy = offerNames(image.builder, builders.names, "builders");
  report([...path, "builder"], `there is no builder ${show(image.builder)}`, remedy);
}

/** Without a redirect there is one prefix, and it belongs to one user (Homebrew supports no sharing). */
function checkOneBuilder(images: Record<string, RawImage>, report: Report): void {
  const entries = Object.entries(images).filter(([, image]) => image.builder !== undefined);
  const [first] = entries;
  if (first === undefined) return;
  for (const [name, image] of entries) {
    if (image.builder === first[1].builder) continue;
    const reason = `builder ${show(image.builder)} differs from ${show(first[1].builder)} of ${first[0]}, and the prefix belongs to one builder`;
    report(
      ["config", "fleet:images", name, "builder"],
      reason,
      "use one builder for all images of a stack (redirect: none)",
    );
  }
}

function checkEnv(image: RawImage, path: Path, report: Report): void {
  for (const name of Object.keys(image.env ?? {})) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
    report(
      [...path, "env", name],
      `${JSON.stringify(name)} cannot name a variable`,
      "use letters, digits and _",
      "key",
    );
  }
}

function checkOcamlImage(image: RawImage, config: RawConfig, path: Path, report: Report): void {
  rejectKeys(image, SPEC_ONLY, path, "the OCaml image (spec: ocaml)", report);
  const compilers = collectNames((config["fleet:compilers"] ?? []).map((compiler) => compiler?.version));
  if (image.compiler === undefined) {
    report.missing(path, "compiler", "a version in fleet:compilers, in quotes");
  } else if (compilers.isWhole && !compilers.names.includes(image.compiler)) {
    const remedy = offerNames(image.compiler, compilers.names, "compilers");
    report([...path, "compiler"], `there is no compiler ${show(image.compiler)}`, remedy);
  }
  requireSource("brew", "git", config, path, report);
  requireSource("opam-repository", "git", config, path, report);
  if (image.opam === undefined) {
    report.missing(path, "opam", 'the versions to install, such as ["2.0", "2.1"]');
    return;
  }
  const versions = collectNames(image.opam);
  image.opam.forEach((version, i) => {
    if (version === undefined) return;
    if (!/^[0-9]+\.[0-9]+(\.[0-9]+)?([~-][0-9A-Za-z.]+)?$/.test(version)) {
      report([...path, "opam", i], `${show(version)} is no version of opam`, 'write it as "2.1", in quotes');
    } else {
      requireSource(`opam-${version}`, "archive", config, [...path, "opam", i], report);
    }
  });
  if (image.default === undefined) {
    report.missing(path, "default", "the version that `opam` means, one of the list in opam");
  } else if (versions.isWhole && !versions.names.includes(image.default)) {
    const remedy = offerNames(image.default, versions.names, "versions in opam");
    report([...path, "default"], `${show(image.default)} is not in the list opam`, remedy);
  }
}

function requireSource(name: string, kind: "archive" | "git", config: RawConfig, path: Path, report: Report): void {
  if (report.isBroken(["config", "fleet:sources"])) return;
  const sources = config["fleet:sources"] ?? {};
  const source = sources[name];
  const form = kind === "git" ? "{ git: …, commit: … }" : "{ path: …, sha256: … }";
  const part = path.length > 3 ? "value" : "key";
  if (source === undefined) {
    report(path, `needs the source ${name}, which is not in fleet:sources`, `add ${name}: ${form} there`, part);
  } else if (kind === "git" && source.git === undefined && source.path !== undefined) {
    report(["config", "fleet:sources", name], "must be a git repository", `write it as ${form}`, "key");
  } else if (kind === "archive" && source.path === undefined && source.git !== undefined) {
    report(["config", "fleet:sources", name], "must be a file", `write it as ${form}`, "key");
  }
}

function checkSpecImage(image: RawImage, config: RawConfig, path: Path, report: Report): void {
  rejectKeys(image, OCAML_ONLY, path, "an image from a spec file", report);
  const names = Object.keys(config["fleet:images"] ?? {});
  for (const [key, target] of Object.entries(image.from ?? {})) {
    if (target === undefined || names.includes(target) || report.isBroken(["config", "fleet:images"])) continue;
    const others = names.filter((name) => config["fleet:images"]?.[name] !== image);
    report([...path, "from", key], `there is no image ${show(target)}`, offerNames(target, others, "images"));
  }
  for (const key of ["spec", "context"] as const) {
    if (image[key]?.includes("\0") === true) report([...path, key], "holds a NUL", "write a path");
  }
}

function rejectKeys(
  image: RawImage,
  keys: readonly (keyof RawImage)[],
  path: Path,
  noun: string,
  report: Report,
): void {
  for (const key of keys) {
    if (image[key] === undefined) continue;
    report([...path, key], `${key} has no meaning for ${noun}`, `remove ${key}`, "key");
  }
}
