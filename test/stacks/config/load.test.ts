import { describe, expect, it } from "@jest/globals";
import { renderProblems } from "../../../stacks/config/load.js";
import { COMMIT, HOST_KEY, hostWith, imageWith, load, refuse, refuseOne, stack } from "./stack.js";

describe("a good stack", () => {
  it("comes out typed, with defaults filled in", () => {
    const config = load(stack());
    expect(config.expect).toEqual({ arch: "arm64", macos: undefined, sip: "any", macfuse: "any" });
    expect(config.observe).toEqual([]);
    expect(config.prefix).toEqual({ path: "/opt/homebrew", redirect: "none" });
    expect(config.builders).toEqual([
      {
        ...{ name: "mac705", uid: 705, gid: 20, fullName: "mac705", shell: "/bin/bash", home: "/Users/mac705" },
        ...{ hidden: true, groups: [], adopt: false },
      },
    ]);
    expect(config.compilers[0]?.prefix).toBe("/Library/macfoundry/ocaml/4.13.1");
    expect(config.store).toEqual({ engine: "rsync", mode: "copy", path: "/var/db/store" });
    expect(config.images[0]).toMatchObject({ kind: "ocaml", keep: 3, env: {}, network: "allow", defaultOpam: "2.1" });
    expect(config.sources["brew"]).toMatchObject({ kind: "git", git: "./brew", commit: COMMIT });
  });

  it("may do without hosts, and gives the prefix of Intel Macs there", () => {
    const config = load(stack({ "macfoundry:hosts": undefined, "fleet:expect": "{ arch: x86_64 }" }));
    expect(config.hosts).toEqual([]);
    expect(config.prefix.path).toBe("/usr/local");
  });

  it("needs no more than an architecture", () => {
    expect(load("config:\n  fleet:expect: { arch: x86_64 }\n")).toMatchObject({
      builders: [],
      images: [],
      sources: {},
    });
  });

  it("leaves other packages' settings and Pulumi's own keys alone", () => {
    load(`encryptionsalt: v1:abc\n${stack({ "pulumi:disable-default-providers": "[x]", "command:x": "1" })}`);
  });

  it.each([
    ["true", "all"],
    ["false", []],
    ['"true"', "all"],
    ['"false"', []],
    ["[mac-a]", ["mac-a"]],
  ])("takes observe: %s", (written, expected) => {
    expect(load(stack({ "fleet:observe": written })).observe).toEqual(expected);
  });

  it("drops the comment of a host key, which is a person's", () => {
    const config = load(
      stack({ "macfoundry:hosts": `{ a: { address: a, user: u, hostKey: "${HOST_KEY} me@desk" } }` }),
    );
    expect(config.hosts[0]?.hostKey).toBe(HOST_KEY);
  });

  it("lists each image after those it starts from", () => {
    const config = load(
      stack({
        "fleet:images": [
          "{ top: { builder: mac705, spec: ./t.spec, from: { base: middle } }",
          "middle: { builder: mac705, spec: ./m.spec, from: { base: bottom } }, bottom: { builder: mac705, spec: ./b.spec } }",
        ].join(", "),
      }),
    );
    expect(config.images.map(({ name }) => name)).toEqual(["bottom", "middle", "top"]);
  });

  it("resolves aliases", () => {
    const config = load(`${stack({ "fleet:builders": "[&one { name: mac705, uid: 705, groups: &g [admin] }]" })}`);
    expect(config.builders[0]?.groups).toEqual(["admin"]);
  });
});

describe("encrypted values", () => {
  it("stay opaque wherever free text may stand, and name their place", () => {
    const config = load(
      stack({
        "macfoundry:hosts": "{ a: { address: { secure: AAA }, user: { secure: BBB }, hostKey: { secure: CCC } } }",
        ...imageWith("spec: ./x.spec, test: { secure: DDD }"),
      }),
    );
    expect(config.hosts[0]?.address).toEqual({ secretPath: ["macfoundry:hosts", "a", "address"] });
    expect(config.images[1]?.test).toEqual({ secretPath: ["fleet:images", "more", "test"] });
    expect(JSON.stringify(config)).not.toMatch(/AAA"|BBB|CCC|DDD/);
  });

  it.each([
    ["a name", { "fleet:builders": "[{ name: { secure: PLANTED }, uid: 705 }]" }],
    ["a sha256", { "fleet:sources": "{ ocaml: { path: x, sha256: { secure: PLANTED } } }", "fleet:images": "{}" }],
    ["a whole section", { "fleet:sources": "{ secure: PLANTED }" }],
    ["a whole list", { "fleet:builders": "{ secure: PLANTED }" }],
    ["a number", { "fleet:builders": "[{ name: mac705, uid: { secure: PLANTED } }]" }],
    ["an image's env", imageWith("spec: ./x.spec, env: { TOKEN: { secure: PLANTED } }")],
  ])("are refused for %s, without showing them", (_, changes) => {
    const message = refuseOne(changes);
    expect(message).toContain("encrypted");
    expect(message).not.toContain("PLANTED");
  });
});

describe("text that YAML reads as something else", () => {
  it.each([
    ["{ arch: arm64, macos: 14 }", "fleet:expect.macos: 14 without quotes is read as a number", 'macos: "14"'],
    ["{ arch: arm64, macos: 14.10 }", "14.10 without quotes", 'macos: "14.10"'],
    ["{ arch: arm64, sip: true }", "true without quotes is read as a boolean", 'sip: "true"'],
    ["{ arch: arm64, macos: ~ }", "is read as nothing", ""],
  ])("is refused, with the text as written: %s", (written, reason, remedy) => {
    const message = refuseOne({ "fleet:expect": written });
    expect(message).toContain(reason);
    expect(message).toContain(remedy);
  });

  it("is shown with its last zero, which the number has lost", () => {
    const message = refuseOne({
      "fleet:images": '{ base: { builder: mac705, spec: ocaml, compiler: "4.13.1", opam: ["2.1"], default: 2.10 } }',
    });
    expect(message).toContain('put it in quotes: default: "2.10"');
  });

  it("is refused as a key", () => {
    const [problem] = refuse(stack({ "fleet:images": "{ 4.10: { builder: mac705, spec: ./x.spec } }" }));
    expect(problem).toMatchObject({ path: "fleet:images", remedy: 'put it in quotes: "4.10":' });
  });

  it("does not concern words such as enabled", () => {
    expect(load(stack({ "fleet:expect": "{ arch: arm64, sip: enabled }" })).expect.sip).toBe("enabled");
  });

  it("is told the other way round for numbers in quotes", () => {
    const message = refuseOne({ "fleet:builders": '[{ name: mac705, uid: "705" }]' });
    expect(message).toContain("write it without quotes: uid: 705");
  });
});

describe("positions", () => {
  it("are the line and column of the value, in the file's order, all at once", () => {
    const text = [
      "config:",
      "  fleet:expect:",
      "    arch: arm46",
      "  fleet:builders:",
      "    - name: mac705",
      "      uid: 501",
      "      sehll: /bin/zsh",
      "  fleet:bilders: []",
    ].join("\n");
    expect(refuse(text).map(({ line, column, path }) => [line, column, path])).toEqual([
      [3, 11, "fleet:expect.arch"],
      [6, 12, "fleet:builders[0].uid"],
      [7, 7, "fleet:builders[0].sehll"],
      [8, 3, "fleet:bilders"],
    ]);
  });

  it("are the entry's own for something that is missing", () => {
    const [problem] = refuse("config:\n  fleet:expect: { arch: arm64 }\n  fleet:builders:\n    - uid: 705\n");
    expect(problem).toMatchObject({ line: 4, column: 7, path: "fleet:builders[0]", reason: "name is missing" });
  });

  it("render as FILE:LINE:COLUMN with the next step", () => {
    expect(renderProblems(refuse("config:\n  fleet:expect: { arch: arm46 }\n"))).toBe(
      'Pulumi.x.yaml:2:25: fleet:expect.arch: "arm46" is not one of x86_64, arm64\n  Next: did you mean arm64?',
    );
  });
});

describe("names that do not fit", () => {
  it.each([
    ["an unknown key", { "fleet:storre": "{}" }, "did you mean fleet:store?"],
    ["a key without its namespace", { images: "{}" }, "did you mean fleet:images?"],
    ["an unknown key of a host", hostWith("prot: 22"), "did you mean port?"],
    ["an unknown builder", { "fleet:builders": "[{ name: mac706, uid: 705 }]" }, "did you mean mac706?"],
    ["an unknown compiler", { "fleet:compilers": '[{ version: "4.13.2", source: ocaml }]' }, "did you mean 4.13.2?"],
    ["an unknown source", { "fleet:compilers": '[{ version: "4.13.1", source: ocml }]' }, "did you mean ocaml?"],
    ["an unknown base", imageWith("spec: ./x.spec, from: { base: bsae }"), "did you mean base?"],
    ["an observed host that is not there", { "fleet:observe": "[mac-b]" }, "did you mean mac-a?"],
    ["a wrong word", { "fleet:expect": "{ arch: arm64, sip: disabeld }" }, "did you mean disabled?"],
  ])("%s: says which was meant", (_, changes, remedy) => {
    expect(refuseOne(changes)).toContain(remedy);
  });
});

describe("files that are no stack", () => {
  it.each([
    ["", 1, 1, "is empty"],
    ["- 1\n", 1, 1, "is a list"],
    ["config: 3\n", 1, 9, "a number"],
    ["config:\n  fleet:expect: {\n", 3, 1, "not YAML"],
    ["config: {}\nconfig: {}\n", 2, 1, "this key is there twice"],
    ["config: {}\n---\nconfig: {}\n", 2, 1, "more than one document"],
    ["config:\n  fleet:expect: { arch: arm64, arch: arm64 }\n", 2, 32, "this key is there twice"],
    ["config:\n  fleet:expect:\n    <<: { arch: arm64 }\n", 3, 5, "merge keys"],
    ["config:\n  fleet:expect: *missing\n", 2, 17, "alias of nothing"],
    ["other: 1\n", 1, 1, "config is missing"],
  ])("are refused at their place: %j", (text, line, column, reason) => {
    const found = refuse(text).find((problem) => problem.reason.includes(reason));
    expect(found).toMatchObject({ line, column });
  });

  it("of aliases that multiply are refused quickly", () => {
    const lines = ["config:", "  x0:a: &x0 [1,1,1,1,1,1,1,1,1,1]"];
    for (let i = 1; i < 9; i++)
      lines.push(
        `  x${i}:a: &x${i} [${Array(10)
          .fill(`*x${i - 1}`)
          .join(",")}]`,
      );
    const begin = performance.now();
    expect(refuse(lines.join("\n"))[0]?.reason).toContain("more than");
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  it.each(["[", "{a: ", "- "])("of nothing but %j are refused, not ended by", (piece) => {
    expect(refuse(`config:\n  x:y: ${piece.repeat(50_000)}`).length).toBeGreaterThan(0);
  });

  it("with names of JavaScript's own are read like any other", () => {
    expect(refuse(stack({ __proto__x: "1", constructor: "{ a: 1 }" })).map(({ path }) => path)).toContain(
      "constructor",
    );
    const [problem] = refuse(stack({ "fleet:images": "{ __proto__: { builder: nobody, spec: ./x } }" }));
    expect(problem?.path).toBe("fleet:images.__proto__");
  });
});
