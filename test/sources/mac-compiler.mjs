// A compiler to adopt on a simulated Mac: links to the OCaml of the Mac's lower image, in a prefix of its own, so that
// its bin has OCaml and nothing else in it.

/** Where the Mac's lower image keeps Debian's programs. */
const HIDDEN = "/.sim/debian/usr/bin";

/** @param {string} prefix @returns {string} POSIX sh, to be run as root inside the Mac; may be run again */
export function adoptableCompilerScript(prefix) {
  return [
    "set -eu",
    `mkdir -p '${prefix}/bin'`,
    `for file in ${HIDDEN}/ocaml*; do`,
    `  ln -sf "$file" '${prefix}/bin/'"$(basename "$file")"`,
    "done",
    `'${prefix}/bin/ocamlc' -version`,
    "",
  ].join("\n");
}
