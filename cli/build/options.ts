import type { StoreConfig, StoreMode } from "../../builder/store/layout.js";
import type { EnvPair, IdCompat } from "../../builder/ids/index.js";
import { fromText } from "../../builder/spec/bytes.js";
import { HOST_OPTIONS } from "../hosts/open.js";
import { expandShortOptions } from "../options.js";
import { parseOptions, takeChoice, UsageError, type Options } from "../spec/options.js";
import { readInput } from "../spec/source.js";
import { parseStore } from "../store/locate.js";

export const USAGE = `usage: macfoundry build -f SPEC DIR --store rsync:/PATH|clone:/PATH --uid N
                  [--rsync-mode copy|hardlink|hardlink_unsafe] [--secret ID:FILE]…
                  [--host NAME [--stack STACK] | --local] [--brew-path DIR|none] [--env K=V]…
                  [--network allow|deny] [--id-compat 0.5|0.6|master] [--wait SECONDS] [--adopt]
                  [--color auto|always|never] [--verbosity LEVEL] [-q] [-v]
       macfoundry build --ocaml-version V --rsync DIR --uid N [--fallback DIR] [--scoreboard DIR] …

Builds a spec, or the OCaml base image, as the user with that uid, and prints the log and the last step's id.
Exit: 0; 1 for a failed or cancelled build and a refused spec; 124 for a wrong command line; 125 when it could not be
tried (the Mac, the store, a base).
`;

export type Verbosity = "quiet" | "error" | "warning" | "info" | "debug";

export interface BuildOptions {
  readonly words: Options;
  readonly what: { kind: "spec"; file: string; contextDir: string } | { kind: "ocaml"; version: string };
  readonly store: StoreConfig;
  readonly uid: number;
  readonly secrets: ReadonlyMap<string, Buffer>;
  readonly brewPath: string | undefined;
  readonly env: readonly EnvPair[];
  readonly network: "allow" | "deny" | undefined;
  readonly idCompat: IdCompat | undefined;
  readonly waitMs: number | undefined;
  readonly isAdopting: boolean;
  readonly isColoured: boolean;
  readonly verbosity: Verbosity;
  /** Options of obuilderfs were given. */
  readonly isRedirecting: boolean;
}

const MODES: readonly StoreMode[] = ["copy", "hardlink", "hardlink_unsafe"];
const LEVELS: readonly Verbosity[] = ["quiet", "error", "warning", "info", "debug"];

/** @throws UsageError */
export function readBuildOptions(argv: readonly string[]): BuildOptions {
  const words = parseOptions(expandShortOptions(argv, { "-f": "file", "-q": "quiet", "-v": "verbose" }), {
    ...HOST_OPTIONS,
    file: "value",
    store: "value",
    "rsync-mode": "value",
    uid: "value",
    secret: "list",
    "brew-path": "value",
    env: "list",
    network: "value",
    "id-compat": "value",
    wait: "value",
    adopt: "flag",
    color: "value",
    verbosity: "value",
    quiet: "flag",
    verbose: "flag",
    "ocaml-version": "value",
    rsync: "value",
    fallback: "value",
    scoreboard: "value",
  });
  const wait = readNumber(words, "wait");
  return {
    words,
    what: readWhat(words),
    store: readStore(words),
    uid: readUid(words),
    secrets: readSecrets(words),
    brewPath: readAbsolute(words, "brew-path"),
    env: words.list("env").map(readPair),
    network: takeChoice(words, "network", ["allow", "deny"]),
    idCompat: takeChoice(words, "id-compat", ["0.5", "0.6", "master"]),
    waitMs: wait === undefined ? undefined : wait * 1000,
    isAdopting: words.has("adopt"),
    isColoured: isColoured(words),
    verbosity: words.has("quiet")
      ? "quiet"
      : words.has("verbose")
        ? "info"
        : (takeChoice(words, "verbosity", LEVELS) ?? "warning"),
    isRedirecting: words.has("fallback") || words.has("scoreboard"),
  };
}

function readWhat(words: Options): BuildOptions["what"] {
  const file = words.value("file");
  const version = words.value("ocaml-version");
  const [contextDir, extra] = words.words;
  if (file !== undefined && version !== undefined) throw new UsageError("-f and --ocaml-version exclude each other");
  if (version !== undefined) {
    if (contextDir !== undefined) throw new UsageError(`unexpected word ${JSON.stringify(contextDir)}`);
    return { kind: "ocaml", version };
  }
  if (file === undefined) throw new UsageError("-f SPEC is missing");
  if (contextDir === undefined) throw new UsageError("DIR is missing: the folder that copy steps read");
  if (extra !== undefined) throw new UsageError(`unexpected word ${JSON.stringify(extra)}`);
  return { kind: "spec", file, contextDir };
}

function readStore(words: Options): StoreConfig {
  const mode = takeChoice(words, "rsync-mode", MODES);
  const text = words.value("store");
  const folder = words.value("rsync");
  if (text !== undefined && folder !== undefined) throw new UsageError("--store and --rsync exclude each other");
  const chosen = text ?? (folder === undefined ? undefined : `rsync:${folder}`);
  if (chosen === undefined) throw new UsageError("--store is missing, such as rsync:/Volumes/store");
  return parseStore(chosen, mode);
}

function readUid(words: Options): number {
  const uid = readNumber(words, "uid");
  if (uid === undefined) throw new UsageError("--uid N is missing: the user that steps run as");
  if (uid === 0) throw new UsageError("--uid 0 is root: steps run as a user of their own");
  return uid;
}

function readNumber(words: Options, name: string): number | undefined {
  const text = words.value(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} takes a whole number, not ${JSON.stringify(text)}`);
  return Number(text);
}

function readAbsolute(words: Options, name: string): string | undefined {
  const text = words.value(name);
  if (text === undefined || text === "none" || text.startsWith("/")) return text;
  throw new UsageError(`--${name} takes an absolute path or none, not ${JSON.stringify(text)}`);
}

/** The first of the same id counts, as with the original. */
function readSecrets(words: Options): Map<string, Buffer> {
  const secrets = new Map<string, Buffer>();
  for (const pair of words.list("secret")) {
    const colon = pair.indexOf(":");
    if (colon < 1) throw new UsageError("--secret takes ID:FILE");
    const id = pair.slice(0, colon);
    if (!secrets.has(id)) secrets.set(id, readInput(pair.slice(colon + 1)));
  }
  return secrets;
}

function readPair(pair: string): EnvPair {
  const equals = pair.indexOf("=");
  if (equals < 1) throw new UsageError("--env takes NAME=VALUE");
  return [fromText(pair.slice(0, equals)), fromText(pair.slice(equals + 1))];
}

function isColoured(words: Options): boolean {
  const choice = takeChoice(words, "color", ["auto", "always", "never"]) ?? "auto";
  if (choice !== "auto") return choice === "always";
  return process.stdout.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}
