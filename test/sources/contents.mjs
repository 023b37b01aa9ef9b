// What the test repositories hold, as plain text.
import { createHash } from "node:crypto";
import { makeTar } from "./tar.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Formulae: name, version, files below the keg. */
const FORMULAE = [
  {
    name: "greet",
    version: "1.2",
    files: [
      { name: "bin/greet", mode: 0o755, content: '#!/bin/sh\necho "Hello, ${1:-Mac}, from greet 1.2"\n' },
      { name: "share/man/man1/greet.1", content: ".TH GREET 1\n.SH NAME\ngreet \\- says hello\n" },
    ],
  },
  {
    name: "parade",
    version: "0.3.1",
    depends: "greet",
    files: [
      {
        name: "bin/parade",
        mode: 0o755,
        content: '#!/bin/sh\nset -eu\nfor name in "$@"; do greet "$name"; done\n',
      },
    ],
  },
];

/** Files of the brew-shaped repository beside bin/brew: path to content. */
export function listBrewFiles() {
  const files = {};
  for (const { name, version, depends, files: members } of FORMULAE) {
    const tar = makeTar(members.map((member) => ({ ...member, name: `${name}-${version}/${member.name}` })));
    const archive = `${name}-${version}.tar`;
    files[`Library/Archives/${archive}`] = tar;
    const lines = [`version: ${version}`, `archive: ${archive}`, `sha256: ${sha256(tar)}`];
    if (depends !== undefined) lines.push(`depends: ${depends}`);
    files[`Library/Formula/${name}.formula`] = `${lines.join("\n")}\n`;
  }
  return files;
}

/** Sources of opam packages, each in an archive inside the package's files/, since steps have no network. */
const TALLY = {
  "tally-1.0/Makefile": "tally.cma: tally.ml\n\tocamlc -a -o tally.cma tally.ml\n",
  "tally-1.0/tally.ml": "let count text = List.length (String.split_on_char ' ' text)\n",
};
const SAY = {
  // The runtime by name: an adopted compiler may lie elsewhere than where it was configured for.
  "say-1.1/Makefile": [
    "RUNTIME := $(shell command -v ocamlrun)",
    "say: say.ml",
    "\tocamlc -use-runtime $(RUNTIME) -I $(TALLY) -o say tally.cma say.ml",
    "",
  ].join("\n"),
  "say-1.1/say.ml": [
    'let text = String.concat " " (List.tl (Array.to_list Sys.argv))',
    'let () = Printf.printf "%d words on OCaml %s: %s\\n" (Tally.count text) Sys.ocaml_version text',
    "",
  ].join("\n"),
};

/** Files of the opam repository for one compiler version: path to content. */
export function listOpamFiles(ocamlVersion) {
  const files = { repo: 'opam-version: "2.0"\n' };
  const add = (name, version, lines) => {
    files[`packages/${name}/${name}.${version}/opam`] = `opam-version: "2.0"\n${lines.join("\n")}\n`;
  };
  const attach = (name, version, members) => {
    const tar = makeTar(Object.entries(members).map(([path, content]) => ({ name: path, content })));
    files[`packages/${name}/${name}.${version}/files/${name}.tar`] = tar;
    return `extra-files: [ "${name}.tar" "sha256=${sha256(tar)}" ]`;
  };
  add("ocaml-system", ocamlVersion, [
    'synopsis: "The OCaml compiler that is there already"',
    "flags: compiler",
    'conflict-class: "ocaml-core-compiler"',
    `available: [ sys-ocaml-version = "${ocamlVersion}" ]`,
  ]);
  add("ocaml", ocamlVersion, [
    'synopsis: "OCaml, whatever compiler gives it"',
    `depends: [ "ocaml-system" {= "${ocamlVersion}"} ]`,
    "flags: conf",
  ]);
  add("tally", "1.0", [
    'synopsis: "Counts words"',
    'depends: [ "ocaml" ]',
    'build: [ [ "tar" "-xf" "tally.tar" ] [ make "-C" "tally-1.0" ] ]',
    'install: [ [ "mkdir" "-p" "%{lib}%/tally" ] [ "cp" "tally-1.0/tally.cma" "tally-1.0/tally.cmi" "%{lib}%/tally" ] ]',
    attach("tally", "1.0", TALLY),
  ]);
  add("say", "1.1", [
    'synopsis: "Says what it is told, and how long it is"',
    'depends: [ "ocaml" "tally" ]',
    'build: [ [ "tar" "-xf" "say.tar" ] [ make "-C" "say-1.1" "TALLY=%{tally:lib}%" ] ]',
    'install: [ "install" "-m" "755" "say-1.1/say" "%{bin}%/say" ]',
    attach("say", "1.1", SAY),
  ]);
  return files;
}
