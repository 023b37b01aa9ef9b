import { describe, expect, it } from "@jest/globals";
import { COMMIT, GOOD, HOST_KEY, hostWith, imageWith, refuse, SHA256, stack } from "./stack.js";

describe("rules", () => {
  it.each<[string, Record<string, string | undefined>, string]>([
    ["a uid of a person", { "fleet:builders": "[{ name: mac705, uid: 501 }]" }, "uid 501 is for macOS and the people"],
    ["the uid of nobody", { "fleet:builders": "[{ name: mac705, uid: 4294967294 }]" }, "is no user's"],
    ["a uid with a fraction", { "fleet:builders": "[{ name: mac705, uid: 705.5 }]" }, "must be a whole number"],
    [
      "two builders of one uid",
      { "fleet:builders": "[{ name: mac705, uid: 705 }, { name: b, uid: 705 }]" },
      "also that of",
    ],
    [
      "two builders of one name",
      { "fleet:builders": "[{ name: mac705, uid: 1 }, { name: mac705, uid: 705 }]" },
      "uid 1 ",
    ],
    [
      "a capital in an account's name",
      { "fleet:builders": "[{ name: Mac, uid: 705 }]", "fleet:images": "{}" },
      "cannot name",
    ],
    ["a name of macOS", { "fleet:builders": "[{ name: _www, uid: 705 }]", "fleet:images": "{}" }, "belongs to macOS"],
    ["a relative home", { "fleet:builders": "[{ name: mac705, uid: 705, home: Users/x }]" }, "not an absolute path"],
    ["a home with dots", { "fleet:builders": "[{ name: mac705, uid: 705, home: /Users/../x }]" }, "shortest form"],
    [
      "a home with a blank",
      { "fleet:builders": '[{ name: mac705, uid: 705, home: "/Users/a b" }]' },
      "a character other",
    ],
    ["a store in a home", { "fleet:store": "{ path: /Users/mac705/store }" }, "lie in each other"],
    ["a store in the prefix", { "fleet:store": "{ path: /opt/homebrew/store }" }, "lie in each other"],
    ["a store around the homes", { "fleet:store": "{ path: /Users }" }, "lie in each other"],
    ["a store that differs by case", { "fleet:store": "{ path: /users/MAC705/s }" }, "lie in each other"],
    ["a store of macOS", { "fleet:store": "{ path: /System/store }" }, "macOS's own"],
    ["a relative store", { "fleet:store": "{ path: store }" }, "not an absolute path"],
    ["an unknown engine", { "fleet:store": "{ engine: rsinc }" }, "did you mean rsync?"],
    ["an identity by relative path", hostWith("identity: .ssh/key"), "depends on the folder"],
    ["a port out of range", hostWith("port: 70000"), "more than 65535"],
    [
      "an address that ssh takes for an option",
      { "macfoundry:hosts": `{ a: { address: -oX, user: u, hostKey: "${HOST_KEY}" } }` },
      "not one plain word",
    ],
    [
      "a host key with the address in front",
      { "macfoundry:hosts": `{ a: { address: a, user: u, hostKey: "a ${HOST_KEY}" } }` },
      "leave out the address",
    ],
    [
      "a host key cut off",
      { "macfoundry:hosts": `{ a: { address: a, user: u, hostKey: "${HOST_KEY.slice(0, 60)}" } }` },
      "damaged or cut off",
    ],
    ["a missing host key", { "macfoundry:hosts": "{ a: { address: a, user: u } }" }, "hostKey is missing"],
    [
      "an address for the local Mac",
      { "macfoundry:hosts": "{ a: { local: true, address: a } }" },
      "no meaning with local",
    ],
    ["hops that are none", hostWith('jump: "-J x"'), "not a list of hops"],
    ["keep of none", imageWith("spec: ./x.spec, keep: 0"), "write 1 or more"],
    [
      "an image in a builder's home",
      { "fleet:images": "{ mac705: { builder: mac705, spec: ./x.spec } }" },
      "belongs to the account mac705",
    ],
    [
      "an image in the administrator's home",
      { "fleet:images": "{ administrator: { builder: mac705, spec: ./x.spec } }" },
      "belongs to the account",
    ],
    [
      "an image named with a slash",
      { "fleet:images": '{ "a/b": { builder: mac705, spec: ./x.spec } }' },
      "cannot name an image",
    ],
    [
      "a compiler for a spec file",
      imageWith('spec: ./x.spec, compiler: "4.13.1"'),
      "no meaning for an image from a spec",
    ],
    [
      "a context for the OCaml image",
      { "fleet:images": GOOD["fleet:images"]?.replace("spec: ocaml", "spec: ocaml, context: ./c") },
      "no meaning for the OCaml image",
    ],
    [
      "an opam that is not installed as the default",
      { "fleet:images": GOOD["fleet:images"]?.replace('default: "2.1"', 'default: "2.2"') },
      "is not in the list opam",
    ],
    [
      "an opam without its source",
      { "fleet:images": GOOD["fleet:images"]?.replace('["2.1"]', '["2.1", "2.0"]') },
      "needs the source opam-2.0",
    ],
    [
      "an OCaml image without an opam",
      { "fleet:images": '{ b: { builder: mac705, spec: ocaml, compiler: "4.13.1" } }' },
      "opam is missing",
    ],
    [
      "images in a circle",
      {
        "fleet:images":
          "{ a: { builder: mac705, spec: ./a, from: { base: b } }, b: { builder: mac705, spec: ./b, from: { base: a } } }",
      },
      "a → b → a",
    ],
    ["an image on itself", imageWith("spec: ./x.spec, from: { base: more }"), "more → more"],
    ["an env name with a hyphen", imageWith('spec: ./x.spec, env: { A-B: "1" }'), "cannot name a variable"],
    [
      "two images of two builders",
      {
        ...imageWith("spec: ./x.spec"),
        "fleet:builders": "[{ name: mac705, uid: 705 }, { name: two, uid: 706 }]",
        "fleet:images": "{ a: { builder: mac705, spec: ./a }, b: { builder: two, spec: ./b } }",
      },
      "the prefix belongs to one builder",
    ],
    [
      "a source that is both",
      {
        "fleet:sources": `{ x: { path: p, sha256: ${SHA256}, git: g, commit: "${COMMIT}" } }`,
        "fleet:images": "{}",
        "fleet:compilers": "[]",
      },
      "both an archive and a git",
    ],
    [
      "a source that is nothing",
      { "fleet:sources": "{ x: {} }", "fleet:images": "{}", "fleet:compilers": "[]" },
      "names no input",
    ],
    [
      "a short commit",
      { "fleet:sources": "{ x: { git: g, commit: 5d69897 } }", "fleet:images": "{}", "fleet:compilers": "[]" },
      "does not have the right form",
    ],
    [
      "a git address that runs a program",
      {
        "fleet:sources": `{ x: { git: "ext::sh", commit: "${COMMIT}" } }`,
        "fleet:images": "{}",
        "fleet:compilers": "[]",
      },
      "is not accepted",
    ],
    [
      "an adopted compiler without a prefix",
      { "fleet:compilers": '[{ version: "4.13.1", adopt: true }]' },
      "prefix is missing",
    ],
    [
      "an adopted compiler with a source",
      { "fleet:compilers": '[{ version: "4.13.1", adopt: true, prefix: /opt/o, source: ocaml }]' },
      "no meaning for an adopted compiler",
    ],
    ["a compiler from git", { "fleet:compilers": '[{ version: "4.13.1", source: brew }]' }, "is a git repository"],
    ["a compiler from nowhere", { "fleet:compilers": '[{ version: "4.13.1" }]' }, "source is missing"],
    [
      "two compilers of one version",
      { "fleet:compilers": '[{ version: "4.13.1", source: ocaml }, { version: "4.13.1", source: ocaml }]' },
      "also that of fleet:compilers[0]",
    ],
  ])("refuse %s", (_, changes, expected) => {
    const problems = refuse(stack(changes));
    const messages = problems.map(({ path, reason, remedy }) => `${path}: ${reason} | ${remedy}`);
    expect(messages.filter((message) => message.includes(expected))).toHaveLength(1);
    for (const { line, column, remedy, path } of problems) {
      expect({ line: line > 1, column: column > 0, remedy: remedy !== "", path: path !== "" }).toEqual({
        ...{ line: true, column: true, remedy: true, path: true },
      });
    }
  });

  it("follow up no entry that could not be read", () => {
    const problems = refuse(stack({ "fleet:compilers": "[{ version: 4.13, source: ocaml }]", "fleet:sources": "7" }));
    expect(problems.map(({ path }) => path)).toEqual(["fleet:compilers[0].version", "fleet:sources"]);
  });
});
