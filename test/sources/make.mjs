// Makes the pinned sources that tests and the demo build from: a brew-shaped repository, a small opam repository, and
// this machine's opam as the archive of each version asked for. Commits are the same on every machine.
// Usage: node test/sources/make.mjs FOLDER [--ocaml VERSION] [--opam FILE]; prints `fleet:sources` as JSON.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { listBrewFiles, listOpamFiles } from "./contents.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const OCAML_VERSION = "4.13.1";

/**
 * @param {string} folder made when missing
 * @param {{ ocamlVersion?: string, opamFile?: string, opamVersions?: string[] }} [options]
 */
export function makeSources(folder, options = {}) {
  const { ocamlVersion = OCAML_VERSION, opamVersions = ["2.0", "2.1"] } = options;
  const opamFile = options.opamFile ?? findProgram("opam");
  fs.mkdirSync(folder, { recursive: true });
  const sources = {
    brew: makeBrew(path.join(folder, "brew")),
    "opam-repository": makeOpamRepository(path.join(folder, "opam-repository"), ocamlVersion),
  };
  for (const version of opamVersions) {
    const file = path.join(folder, `opam-${version}`);
    fs.copyFileSync(opamFile, file);
    fs.chmodSync(file, 0o755);
    sources[`opam-${version}`] = { path: file, sha256: hash(file) };
  }
  return sources;
}

/** @param {string} folder */
export function makeBrew(folder) {
  const program = fs.readFileSync(path.join(HERE, "brew/bin/brew"));
  const ignored = fs.readFileSync(path.join(HERE, "brew/.gitignore"));
  return makeRepository(folder, [
    { message: "Begin", files: { README: "A brew-shaped repository for macfoundry's tests.\n" } },
    {
      message: "Add the program and its formulae",
      files: { "bin/brew": program, ".gitignore": ignored, ...listBrewFiles() },
    },
  ]);
}

/** @param {string} folder @param {string} [ocamlVersion] */
export function makeOpamRepository(folder, ocamlVersion = OCAML_VERSION) {
  const files = listOpamFiles(ocamlVersion);
  return makeRepository(folder, [
    { message: "Begin", files: { repo: files.repo } },
    { message: "Add packages", files },
  ]);
}

/** A repository with one commit after the other, on main. */
function makeRepository(folder, commits) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  git(folder, ["init", "-q", "--template=", "-b", "main"]);
  commits.forEach(({ message, files }, i) => {
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(folder, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, content);
      fs.chmodSync(file, name.startsWith("bin/") ? 0o755 : 0o644);
    }
    git(folder, ["add", "-A", "-f", "."]);
    git(folder, ["commit", "-q", "--no-gpg-sign", "-m", message], i);
  });
  return { git: folder, commit: git(folder, ["rev-parse", "HEAD"]).trim() };
}

function git(folder, words, day = 0) {
  const person = { NAME: "macfoundry tests", EMAIL: "tests@macfoundry.invalid", DATE: `2024-01-0${day + 1}T12:00:00Z` };
  const settings = ["core.autocrlf=false", "core.fileMode=true", "safe.directory=*"].flatMap((setting) => [
    "-c",
    setting,
  ]);
  return execFileSync("git", [...settings, "-C", folder, ...words], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      HOME: "/nonexistent",
      GIT_CONFIG_NOSYSTEM: "1",
      ...Object.fromEntries(Object.entries(person).map(([key, value]) => [`GIT_AUTHOR_${key}`, value])),
      ...Object.fromEntries(Object.entries(person).map(([key, value]) => [`GIT_COMMITTER_${key}`, value])),
    },
  });
}

function findProgram(name) {
  for (const folder of (process.env.PATH ?? "").split(":")) {
    const file = path.join(folder, name);
    if (fs.existsSync(file)) return fs.realpathSync(file);
  }
  throw new Error(`${name} is not on PATH: install it (apt-get install ${name})`);
}

function hash(file) {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [folder, ...rest] = process.argv.slice(2);
  const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
  if (folder === undefined) {
    console.error("usage: make.mjs FOLDER [--ocaml VERSION] [--opam FILE]");
    process.exit(2);
  }
  const sources = makeSources(path.resolve(folder), { ocamlVersion: option("--ocaml"), opamFile: option("--opam") });
  console.log(JSON.stringify(sources, null, 2));
}
