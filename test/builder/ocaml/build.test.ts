import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { prepareContext, type PinnedSource } from "../../../builder/fetch/index.js";
import { ocamlImageSpec } from "../../../builder/ocaml/index.js";
import { makeSources, type MadeSources } from "../../sources/make.mjs";
import { hostOcamlVersion, isRoot, LocalBuilder } from "./local-builder.js";

// The image's own steps, with real opam, OCaml, git and bash, as an unprivileged user in a throw-away prefix.

let folder: string;
let sources: MadeSources;
let context: string;
const ocamlVersion = hostOcamlVersion();

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-sources-"));
  sources = makeSources(folder, { ocamlVersion });
  const pinned = Object.entries(sources).map(([name, pin]): PinnedSource => {
    return "git" in pin ? { kind: "git", name, ...pin } : { kind: "archive", name, ...pin };
  });
  context = (await prepareContext(pinned, { cacheFolder: path.join(folder, "cache") })).folder;
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function imageFor(builder: LocalBuilder, defaultOpam = "2.1"): ReturnType<typeof ocamlImageSpec> {
  return ocamlImageSpec({
    ocamlVersion,
    arch: "arm64",
    prefix: builder.prefix,
    opamVersions: ["2.0", "2.1"],
    defaultOpam,
    compilerPrefix: builder.compilerPrefix,
    sources: { brew: sources.brew.commit, "opam-repository": sources["opam-repository"].commit },
    env: { GREETING: "it's set" },
  });
}

describe("the OCaml image, built on this machine", () => {
  let builder: LocalBuilder;
  let image: ReturnType<typeof ocamlImageSpec>;

  beforeAll(() => {
    builder = new LocalBuilder("opt/homebrew");
    image = imageFor(builder);
    const built = builder.build(image.spec, context);
    if (built.code !== 0) throw new Error(built.output);
  }, 120_000);
  afterAll(() => builder.remove());

  it("has an opam root on the system compiler, with no sandbox of opam's own", () => {
    expect(builder.run("opam switch list --short").output).toBe(`ocaml-system.${ocamlVersion}\n`);
    expect(builder.run("command -v ocamlc").output).toContain("ocamlc");
    expect(builder.run("opam exec -- ocamlc -version").output).toBe(`${ocamlVersion}\n`);
    expect(fs.readFileSync(path.join(builder.home, ".opam/config"), "utf8")).not.toMatch(/sandbox\.sh/);
  });

  it("installs opam packages, and the program runs", () => {
    const installed = builder.run("opam install say");
    expect(installed).toMatchObject({ code: 0 });
    const said = builder.run("opam exec -- say one two three");
    expect(said).toEqual({ code: 0, output: `3 words on OCaml ${ocamlVersion}: one two three\n` });
  });

  it("installs formulae into the Cellar with links, and the program runs", () => {
    expect(builder.run("brew list --versions parade")).toEqual({ code: 1, output: "" });
    expect(builder.run("brew install parade")).toMatchObject({ code: 0 });
    expect(builder.run("parade Ada").output).toBe("Hello, Ada, from greet 1.2\n");
    expect(builder.run("brew list --versions greet parade").output).toBe("greet 1.2\nparade 0.3.1\n");
    expect(fs.readlinkSync(path.join(builder.prefix, "bin/parade"))).toBe("../Cellar/parade/0.3.1/bin/parade");
    expect(fs.readlinkSync(path.join(builder.prefix, "opt/greet"))).toBe("../Cellar/greet/1.2");
  });

  it("has opam in each version in the prefix, and the chosen one under the plain name", () => {
    expect(fs.readlinkSync(path.join(builder.prefix, "bin/opam"))).toBe("opam-2.1");
    expect(builder.run("command -v opam opam-2.0 opam-2.1").output).toBe(
      ["opam", "opam-2.0", "opam-2.1"].map((name) => `${builder.prefix}/bin/${name}\n`).join(""),
    );
  });

  it("keeps both repositories at their pinned commits, clean, with brew being the prefix", () => {
    for (const [repository, pin] of [
      [builder.prefix, sources.brew.commit],
      [`${builder.home}/opam-repository`, sources["opam-repository"].commit],
    ] as const) {
      expect(builder.run(`git -C ${repository} rev-parse HEAD`).output).toBe(`${pin}\n`);
      expect(builder.run(`git -C ${repository} status --porcelain`).output).toBe("");
      expect(builder.run(`git -C ${repository} fsck --no-dangling`)).toMatchObject({ code: 0 });
    }
    expect(builder.run("brew --prefix").output).toBe(`${builder.prefix}\n`);
  });

  it("sets PATH in a step and in a login shell alike: compiler, prefix, system, each once", () => {
    const stepPath = builder.run('echo "$PATH"').output.trim().split(":");
    const own = [`${builder.compilerPrefix}/bin`, `${builder.prefix}/bin`, `${builder.prefix}/sbin`];
    expect(stepPath.slice(0, 3)).toEqual(own);
    for (const part of own) expect(stepPath.filter((other) => other === part)).toHaveLength(1);
  });

  it("exports what brew and opam need to ask nothing", () => {
    const names = ["HOMEBREW_NO_AUTO_UPDATE", "OPAMYES", "OPAMCONFIRMLEVEL", "OPAMERRLOGLEN", "OPAMPRECISETRACKING"];
    const output = builder.run(`for name in ${names.join(" ")}; do printenv $name; done`).output;
    expect(output).toBe("1\n1\nunsafe-yes\n0\n1\n");
  });

  it("leaves nothing of the profile's own behind in the environment", () => {
    expect(builder.run("bash -lc 'set' | grep -c macfoundry_").output).toBe("0\n");
  });

  it("sets the image's env in its steps, quotes included", () => {
    expect(builder.run('echo "$GREETING"').output).toBe("it's set\n");
  });

  it("removes the sources it was made from", () => {
    expect(fs.readdirSync(path.join(builder.home, ".macfoundry"))).toEqual(["compiler"]);
  });

  (isRoot() ? it : it.skip)("has a brew that refuses root", () => {
    const refused = builder.run("brew install greet", ["/bin/bash", "-c"], true);
    expect(refused.code).toBe(1);
    expect(refused.output).toContain("does not run as root");
  });
});

describe("the OCaml image, where it cannot be built", () => {
  it("stops at the first step when the compiler is not the version asked for", () => {
    const builder = new LocalBuilder("opt/homebrew");
    try {
      const { spec } = ocamlImageSpec({
        ...{ ocamlVersion: "9.9.9", arch: "arm64", prefix: builder.prefix, opamVersions: ["2.1"], defaultOpam: "2.1" },
        compilerPrefix: builder.compilerPrefix,
        sources: { brew: sources.brew.commit, "opam-repository": sources["opam-repository"].commit },
      });
      const built = builder.build(spec, context);
      expect(built.code).toBe(1);
      expect(built.output).toBe(`${builder.compilerPrefix} holds OCaml ${ocamlVersion}, not 9.9.9\n`);
    } finally {
      builder.remove();
    }
  });

  it("stops when the pack is damaged, before anything is checked out", () => {
    const builder = new LocalBuilder("opt/homebrew");
    try {
      const damaged = path.join(builder.root, "context");
      execFileSync("cp", ["-R", context, damaged]);
      const pack = path.join(damaged, "brew.pack");
      const bytes = fs.readFileSync(pack);
      bytes[bytes.length - 200] = (bytes[bytes.length - 200] ?? 0) ^ 1;
      fs.writeFileSync(pack, bytes);
      const built = builder.build(imageFor(builder).spec, damaged);
      expect(built.code).not.toBe(0);
      expect(fs.existsSync(path.join(builder.prefix, "bin/brew"))).toBe(false);
    } finally {
      builder.remove();
    }
  });
});
