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
 * The text that the builder's login shell runs, and its arguments: OBuilder's on macOS, where `su -l USER -c -- TEXT ARGV…`
 * starts them. Here `start_step` does what that `su` does, but inside the sandbox, so that the login files of a home,
 * which a step may have written, run in it too (macOS starts no setuid program such as su inside a sandbox). One thing
 * is added: the command starts in the spec's workdir; `su -l` leaves it in the home. `hasProfile` false is for a home
 * without `~/.obuilder_profile.sh`, where `source` would end it all.
 */
export function composeCommand(
  builder: Builder,
  tmpDir: string,
  command: StepCommand,
  hasProfile: boolean,
): ByteString[] {
  const pairs: readonly EnvPair[] = [[asBytes("TMPDIR"), asBytes(tmpDir)], ...command.env];
  const env = pairs.map(([name, value]) => quoteAlways(`${name}=${value}`)).join(" ");
  const folder = quoteAlways(resolveInHome(builder.home, command.workdir));
  const enter =
    folder === quoteAlways(builder.home) ? "" : `{ [ -d ${folder} ] || mkdir -p ${folder}; } && cd ${folder} && `;
  const text = `${hasProfile ? `source ${PROFILE} && ` : ""}${enter}env ${env} "$0" "$@"`;
  return [asBytes(text), ...command.argv];
}

/** An absolute path of a spec means the same path below the builder's home: nothing else there is the builder's. */
export function resolveInHome(home: string, path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return [home, ...parts].join("/");
}

/** Words for `start_step`; those that are not UTF-8 travel as hex, since scripts are text. */
export function renderWords(words: readonly ByteString[]): string {
  const texts = words.map(toTextExactly);
  if (texts.every((text) => text !== undefined && !text.includes("\0")))
    return `text ${texts.map((text) => quoteWord(text ?? "")).join(" ")}`;
  return `hex ${words.map((word) => toBytes(word).toString("hex") || "-").join(" ")}`;
}

function quoteAlways(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
