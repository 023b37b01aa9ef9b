import { STATE_DIR } from "../../host/host.js";
import { quoteWord } from "../../host/quote.js";
import { asBytes, toBytes, toTextExactly, type ByteString } from "../spec/bytes.js";
import type { EnvPair } from "../ids/ids.js";
import type { Builder } from "../store/layout.js";

export interface StepCommand {
  /** The shell's words, then the command as one word. */
  argv: readonly ByteString[];
  /** In the spec's order; with two of one name the later one wins, as for `env`. */
  env: readonly EnvPair[];
  workdir: ByteString;
}

/** The profile that OBuilder's macOS sandbox sources before each command. */
const PROFILE = "~/.obuilder_profile.sh";

/** Root's, readable by the builder: written anew before each of its steps. */
export function locateSandboxProfile(uid: number): string {
  return `${STATE_DIR}/sandbox/${uid}.sb`;
}

/**
 * The words that start a step as OBuilder does on macOS: `su -l USER -c -- 'source ~/.obuilder_profile.sh && env K=V …
 * "$0" "$@"' ARGV…`. One thing is added: the command starts in the spec's workdir, which the original ignores there
 * (`su -l` leaves it in the home). The sandbox is entered
 * after `su`, which is setuid: macOS starts no setuid program inside one. `hasProfile` false is for a home without the file, where `source` would end it all.
 */
export function composeCommand(
  builder: Builder,
  tmpDir: string,
  command: StepCommand,
  hasProfile: boolean,
): ByteString[] {
  const pairs: readonly EnvPair[] = [[asBytes("TMPDIR"), asBytes(tmpDir)], ...command.env];
  const env = pairs.map(([name, value]) => quoteAlways(`${name}=${value}`)).join(" ");
  const folder = resolveInHome(builder.home, command.workdir);
  const enter =
    folder === builder.home
      ? ""
      : `{ [ -d ${quoteAlways(folder)} ] || mkdir -p ${quoteAlways(folder)}; } && cd ${quoteAlways(folder)} && `;
  const inner = `${hasProfile ? `source ${PROFILE} && ` : ""}${enter}env ${env} "$0" "$@"`;
  const bash = `/bin/bash -c ${quoteAlways(inner)} "$0" "$@"`;
  const sandbox = `/usr/bin/sandbox-exec -f ${locateSandboxProfile(builder.uid)}`;
  const text = `if [ "$(uname -s)" = Darwin ]; then exec ${sandbox} ${bash}; else exec ${bash}; fi`;
  return [...["su", "-l", builder.name, "-c", "--"].map(asBytes), asBytes(text), ...command.argv];
}

/** An absolute path of a spec means the same path below the builder's home: nothing else there is the builder's. */
export function resolveInHome(home: string, path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return [home, ...parts].join("/");
}

/** Shell text that runs the words; words that are not UTF-8 travel as hex, since scripts are text. */
export function renderWords(words: readonly ByteString[]): string {
  const texts = words.map(toTextExactly);
  if (texts.every((text) => text !== undefined && !text.includes("\0")))
    return texts.map((text) => quoteWord(text ?? "")).join(" ");
  const hex = words.map((word) => toBytes(word).toString("hex") || "-");
  return `/usr/bin/perl -e 'exec map { $_ eq "-" ? "" : pack "H*", $_ } @ARGV' ${hex.join(" ")}`;
}

function quoteAlways(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
