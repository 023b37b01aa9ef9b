import { quoteWord } from "../../host/quote.js";

/**
 * Read by every step (`source ~/.obuilder_profile.sh`) and, through `.bash_profile`, by every login shell of the
 * builder; so it runs twice in a step, and says nothing. Only what both bash 3.2 and zsh take.
 */
export const PROFILE_FILE = ".obuilder_profile.sh";

/** Names the folder above the image's `bin/ocamlc`, one line. In the home, so that images on top inherit it. */
export const COMPILER_FILE = ".macfoundry/compiler";

/**
 * `HOMEBREW_AVOID_NESTED_SANDBOXING`: macOS refuses a sandbox inside a sandbox, and every step runs in ours. The other
 * settings keep brew from doing more than the step asked for.
 */
const HOMEBREW_SETTINGS = [
  "HOMEBREW_NO_AUTO_UPDATE=1",
  "HOMEBREW_NO_INSTALL_UPGRADE=1",
  "HOMEBREW_NO_INSTALL_CLEANUP=1",
  "HOMEBREW_NO_ANALYTICS=1",
  "HOMEBREW_NO_ENV_HINTS=1",
  "HOMEBREW_NO_ASK=1",
  "HOMEBREW_AVOID_NESTED_SANDBOXING=1",
];

const OPAM_SETTINGS = ["OPAMYES=1", "OPAMCONFIRMLEVEL=unsafe-yes", "OPAMERRLOGLEN=0", "OPAMPRECISETRACKING=1"];

/** The profile's lines. Later settings win on PATH: the compiler before the prefix, the prefix before the system. */
export function profileLines(prefix: string): string[] {
  return [
    "# Written by macfoundry's OCaml image. Steps and login shells read it; it may be read twice.",
    "macfoundry_front() {",
    '  macfoundry_rest=":$PATH:"',
    '  while case "$macfoundry_rest" in *":$1:"*) true ;; *) false ;; esac; do',
    // No quotes around the whole: an assignment isn't split, and shells differ about quotes inside quotes.
    '    macfoundry_rest=${macfoundry_rest%%":$1:"*}:${macfoundry_rest#*":$1:"}',
    "  done",
    "  macfoundry_rest=${macfoundry_rest#:}",
    "  PATH=$1:${macfoundry_rest%:}",
    "}",
    ...HOMEBREW_SETTINGS.map((setting) => `export ${setting}`),
    "# brew's own choice is /private/tmp, where steps may not write.",
    'if macfoundry_tmp="$(/usr/bin/getconf DARWIN_USER_TEMP_DIR 2>/dev/null)" && [ -d "$macfoundry_tmp" ]; then',
    '  export HOMEBREW_TEMP="$macfoundry_tmp"',
    "fi",
    `macfoundry_front ${quoteWord(`${prefix}/sbin`)}`,
    `macfoundry_front ${quoteWord(`${prefix}/bin`)}`,
    `if [ -r "$HOME/${COMPILER_FILE}" ]; then`,
    `  IFS= read -r macfoundry_compiler <"$HOME/${COMPILER_FILE}"`,
    '  macfoundry_front "$macfoundry_compiler/bin"',
    "fi",
    "export PATH",
    ...OPAM_SETTINGS.map((setting) => `export ${setting}`),
    "unset macfoundry_rest macfoundry_tmp macfoundry_compiler",
    "unset -f macfoundry_front",
  ];
}
