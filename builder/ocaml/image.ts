import { quoteWord, quoteWords } from "../../host/quote.js";
import { comment, copy, env, printSpecMach, run, shell, stage, toText, type Op, type Spec } from "../spec/index.js";
import { COMPILER_FILE, PROFILE_FILE, profileLines } from "./profile.js";

export interface OcamlImageOptions {
  /** What `ocamlc -version` must say. */
  readonly ocamlVersion: string;
  readonly arch: "x86_64" | "arm64";
  /** Homebrew's prefix; it belongs to the builder. */
  readonly prefix: string;
  /** `["2.0", "2.1"]`: each is installed as `opam-VERSION`. */
  readonly opamVersions: readonly string[];
  readonly defaultOpam: string;
  /** Folder above the compiler's bin, outside of home and prefix. */
  readonly compilerPrefix: string;
  /** Commits of the git sources, as `prepareContext` packs them. */
  readonly sources: { readonly brew: string; readonly "opam-repository": string };
  /** Set for the steps, in this order; images on top don't inherit it. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export interface OcamlImage {
  readonly spec: Spec;
  /** The canonical text. */
  readonly text: string;
  /** Keys of `fleet:sources` that the context must hold. */
  readonly sourceNames: readonly string[];
}

/** Below the home; removed by the last step. */
const SOURCES = ".macfoundry/sources";

/**
 * The OCaml base image: Homebrew, opam in several versions and an opam root on the system compiler. Every step runs as
 * the builder, without sudo and without the network; what it needs comes from the context (`builder/fetch`). Absolute
 * destinations of `copy` mean the builder's home, as with OBuilder on macOS.
 */
export function ocamlImageSpec(options: OcamlImageOptions): OcamlImage {
  const opamNames = options.opamVersions.map((version) => `opam-${version}`);
  const ops: Op[] = [
    comment(`OCaml ${options.ocamlVersion} on ${options.arch}: Homebrew in ${options.prefix}, opam, a root`),
    shell("/bin/bash", "-e", "-o", "pipefail", "-c"),
    ...Object.entries(options.env ?? {}).map(([name, value]) => env(name, value)),
    run(lines(checkCompiler(options), writeProfile(options))),
    // Few steps: each costs a snapshot of home and prefix, and all of this is made again in well under a minute.
    copy(["brew.pack", "opam-repository.pack", ...opamNames], `/${SOURCES}/`),
    run(lines(cloneBrew(options), installOpam(options))),
    run(
      lines(
        unpackRepository("opam-repository", '"$HOME/opam-repository"', options.sources["opam-repository"]),
        initOpam(options),
        finish(options),
      ),
    ),
  ];
  const spec = stage({ from: "empty" }, ops);
  return { spec, text: toText(printSpecMach(spec)), sourceNames: ["brew", "opam-repository", ...opamNames] };
}

function lines(...parts: readonly string[]): string {
  return parts.join("\n");
}

function checkCompiler({ ocamlVersion, compilerPrefix }: OcamlImageOptions): string {
  const ocamlc = quoteWord(`${compilerPrefix}/bin/ocamlc`);
  return lines(
    `found=$(${ocamlc} -version)`,
    `if [ "$found" != ${quoteWord(ocamlVersion)} ]; then`,
    `  echo ${quoteWord(`${compilerPrefix} holds OCaml`)} "$found"${quoteWord(`, not ${ocamlVersion}`)} >&2`,
    "  exit 1",
    "fi",
  );
}

function writeProfile({ prefix, compilerPrefix }: OcamlImageOptions): string {
  return lines(
    'mkdir -p "$HOME/.macfoundry"',
    `printf '%s\\n' ${quoteWord(compilerPrefix)} >"$HOME/${COMPILER_FILE}"`,
    `printf '%s\\n' ${quoteWords(profileLines(prefix))} >"$HOME/${PROFILE_FILE}"`,
    `printf '%s\\n' ${quoteWord(`. "$HOME/${PROFILE_FILE}"`)} >"$HOME/.bash_profile"`,
  );
}

/**
 * A repository with the one commit of `SOURCES/NAME.pack`, checked out. It is shallow, since the pack has no parents;
 * index-pack computes every object's name itself, so a damaged pack cannot give this commit.
 */
function unpackRepository(name: string, folder: string, commit: string): string {
  return lines(
    `git init -q -b main ${folder}`,
    `git -C ${folder} index-pack --stdin <"$HOME/${SOURCES}/${name}.pack" >/dev/null`,
    `echo ${commit} >${folder}/.git/shallow`,
    `git -C ${folder} reset -q --hard ${commit}`,
    `git -C ${folder} log -1 --format='${name} %H'`,
  );
}

/** What Homebrew's installer would make with sudo; the prefix is the builder's already. */
const BREW_FOLDERS = [
  "bin",
  "etc",
  "include",
  "lib",
  "opt",
  "sbin",
  "share",
  "var/homebrew/linked",
  "Cellar",
  "Caskroom",
];

/** Homebrew's repository is the prefix itself, but on Intel, where /usr/local holds other things too. */
function cloneBrew({ prefix, sources }: OcamlImageOptions): string {
  const isShared = prefix === "/usr/local";
  const repository = isShared ? `${prefix}/Homebrew` : prefix;
  return lines(
    unpackRepository("brew", quoteWord(repository), sources.brew),
    `cd ${quoteWord(prefix)}`,
    `mkdir -p ${BREW_FOLDERS.join(" ")}`,
    ...(isShared ? ["ln -sf ../Homebrew/bin/brew bin/brew"] : []),
    `test "$(bin/brew --prefix)" = ${quoteWord(prefix)}`,
  );
}

function installOpam({ prefix, opamVersions, defaultOpam }: OcamlImageOptions): string {
  return lines(
    `cd ${quoteWord(`${prefix}/bin`)}`,
    ...opamVersions.map((version) => `install -m 755 "$HOME/${SOURCES}/opam-${version}" opam-${version}`),
    `ln -sf opam-${defaultOpam} opam`,
    ...opamVersions.map((version) => `echo opam-${version} is "$(./opam-${version} --version)"`),
  );
}

/** The sandbox of opam would be one inside ours, which macOS refuses. */
function initOpam({ ocamlVersion }: OcamlImageOptions): string {
  const compiler = quoteWord(`ocaml-system.${ocamlVersion}`);
  return `opam init -k git -a --disable-sandboxing --compiler=${compiler} "$HOME/opam-repository"`;
}

/** Ends as images on top will begin: everything by the profile's PATH. */
function finish({ prefix, ocamlVersion }: OcamlImageOptions): string {
  return lines(
    `rm -rf "$HOME/${SOURCES}"`,
    `test "$(command -v opam)" = ${quoteWord(`${prefix}/bin/opam`)}`,
    `test "$(command -v brew)" = ${quoteWord(`${prefix}/bin/brew`)}`,
    `test "$(opam exec -- ocamlc -version)" = ${quoteWord(ocamlVersion)}`,
    "opam switch list --short",
  );
}
