import { findPathFault } from "./absolute.js";
import { collectNames, type RawCompiler, type RawConfig, type RawSource, type Report } from "../raw.js";
import { show } from "../shape.js";
import { offerNames } from "../suggest.js";
import type { Path } from "../paths.js";

const SOURCES: Path = ["config", "fleet:sources"];

export function checkSources(config: RawConfig, report: Report): void {
  for (const [name, source] of Object.entries(config["fleet:sources"] ?? {})) {
    const path = [...SOURCES, name];
    if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$/.test(name)) {
      const remedy = "begin with a letter or digit and use letters, digits, . _ + and -";
      report(path, `${JSON.stringify(name)} cannot name a source`, remedy, "key");
    }
    checkSource(source, path, report);
  }
}

function checkSource(source: RawSource, path: Path, report: Report): void {
  const isArchive = source.path !== undefined || source.sha256 !== undefined;
  const isGit = source.git !== undefined || source.commit !== undefined;
  if (isArchive && isGit) {
    report(path, "is both an archive and a git repository", "keep path with sha256, or git with commit", "key");
  } else if (!isArchive && !isGit) {
    report(path, "names no input", "add path and sha256 of a file, or git and commit of a repository", "key");
  } else if (isArchive) {
    if (source.path === undefined) report.missing(path, "path", "the file on this machine");
    if (source.sha256 === undefined) report.missing(path, "sha256", "what `shasum -a 256 FILE` prints");
  } else {
    if (source.git === undefined) report.missing(path, "git", "the repository's folder or address");
    if (source.commit === undefined) {
      report.missing(path, "commit", "what `git rev-parse BRANCH` prints there");
    }
  }
  if (source.ref !== undefined && !isGit) report([...path, "ref"], "goes with git only", "remove ref", "key");
  for (const key of ["git", "ref"] as const) {
    const text = source[key];
    // git takes a word that begins with `-` for an option, and `ext::` addresses run commands.
    if (typeof text === "string" && (/^-|\s/.test(text) || /^[a-z]+::/.test(text))) {
      report([...path, key], `${show(text)} is not accepted`, "write a folder, an address or a ref without blanks");
    }
  }
}

export function checkCompilers(config: RawConfig, report: Report): void {
  const compilers = config["fleet:compilers"] ?? [];
  const sources = config["fleet:sources"] ?? {};
  compilers.forEach((compiler, i) => {
    if (compiler === undefined) return;
    const path = ["config", "fleet:compilers", i];
    const first = compilers.findIndex((other) => other?.version !== undefined && other.version === compiler.version);
    if (first !== -1 && first < i) {
      const reason = `version ${show(compiler.version)} is also that of fleet:compilers[${first}]`;
      report([...path, "version"], reason, "keep one of the two");
    }
    const fault = compiler.prefix === undefined ? undefined : findPathFault(compiler.prefix);
    if (fault !== undefined) report([...path, "prefix"], fault, "write the full path on the Mac");
    if (compiler.adopt === true) checkAdopted(compiler, path, report);
    else checkBuilt(compiler, path, sources, report);
  });
}

function checkAdopted(compiler: RawCompiler, path: Path, report: Report): void {
  if (compiler.prefix === undefined) {
    report.missing(path, "prefix", "where the compiler to adopt lies (the folder above its bin)");
  }
  for (const key of ["source", "configureArgs"] as const) {
    if (compiler[key] !== undefined && compiler[key]?.length !== 0) {
      report([...path, key], "has no meaning for an adopted compiler", `remove ${key}, or adopt`, "key");
    }
  }
}

function checkBuilt(compiler: RawCompiler, path: Path, sources: Record<string, RawSource>, report: Report): void {
  const { names } = collectNames(Object.keys(sources));
  if (compiler.source === undefined) {
    report.missing(path, "source", "a key of fleet:sources, or adopt: true with the prefix of one that is there");
    return;
  }
  if (report.isBroken(SOURCES)) return;
  const source = sources[compiler.source];
  if (source === undefined) {
    const reason = `there is no source ${show(compiler.source)}`;
    report([...path, "source"], reason, offerNames(compiler.source, names, "sources"));
  } else if (source.git !== undefined) {
    const reason = `source ${show(compiler.source)} is a git repository`;
    report([...path, "source"], reason, "name an archive (path and sha256): a compiler is built from a release");
  }
}
