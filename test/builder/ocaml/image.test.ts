import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ocamlImageSpec, profileLines, type OcamlImageOptions } from "../../../builder/ocaml/index.js";
import { parseSpec, printSpecMach, toText, type Op } from "../../../builder/spec/index.js";

const OPTIONS: OcamlImageOptions = {
  ocamlVersion: "5.2.1",
  arch: "arm64",
  prefix: "/opt/homebrew",
  opamVersions: ["2.0", "2.1"],
  defaultOpam: "2.1",
  compilerPrefix: "/Library/macfoundry/ocaml/5.2.1",
  sources: { brew: "a".repeat(40), "opam-repository": "b".repeat(40) },
};

function commands(options: Partial<OcamlImageOptions> = {}): string[] {
  const { ops } = ocamlImageSpec({ ...OPTIONS, ...options }).spec;
  return ops.filter((op): op is Extract<Op, { op: "run" }> => op.op === "run").map(({ shell }) => toText(shell));
}

describe("the spec of the OCaml image", () => {
  it("is canonical text that reads back as itself, the same for the same options", () => {
    const { spec, text } = ocamlImageSpec(OPTIONS);
    const parsed = parseSpec(Buffer.from(text));
    expect(parsed.ok && toText(printSpecMach(parsed.spec))).toBe(text);
    expect(parsed.ok && parsed.spec).toEqual(spec);
    expect(ocamlImageSpec({ ...OPTIONS }).text).toBe(text);
  });

  it("begins from nothing and copies exactly the sources it names", () => {
    const { spec, sourceNames } = ocamlImageSpec(OPTIONS);
    const copied = spec.ops.flatMap((op) => (op.op === "copy" ? op.src.map(toText) : []));
    expect(toText(spec.from)).toBe("empty");
    expect(copied.sort()).toEqual(["brew.pack", "opam-2.0", "opam-2.1", "opam-repository.pack"]);
    expect(sourceNames.map((name) => copied.filter((file) => file === name || file === `${name}.pack`))).toEqual(
      sourceNames.map((name) => [expect.stringContaining(name)]),
    );
  });

  it("changes with each pin, so that the recipe does", () => {
    const changes: Partial<OcamlImageOptions>[] = [
      { ocamlVersion: "5.2.0" },
      { prefix: "/usr/local" },
      { opamVersions: ["2.1"] },
      { defaultOpam: "2.0" },
      { compilerPrefix: "/opt/o" },
      { sources: { ...OPTIONS.sources, brew: "c".repeat(40) } },
      { sources: { ...OPTIONS.sources, "opam-repository": "c".repeat(40) } },
      { env: { A: "1" } },
    ];
    const texts = [{}, ...changes].map((change) => ocamlImageSpec({ ...OPTIONS, ...change }).text);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it("never asks for sudo, nor for Homebrew's installer, nor for the network", () => {
    const all = commands().join("\n");
    expect(all).not.toMatch(/\bsudo\b|install\.sh|curl|https?:/);
  });

  it("puts Homebrew's repository into the prefix, but beside it on Intel, where /usr/local has other things", () => {
    expect(commands().join("\n")).toContain("git init -q -b main /opt/homebrew\n");
    const intel = commands({ prefix: "/usr/local" }).join("\n");
    expect(intel).toContain("git init -q -b main /usr/local/Homebrew\n");
    expect(intel).toContain("ln -sf ../Homebrew/bin/brew bin/brew");
  });

  it("initialises opam on the pinned repository with the system compiler and without opam's sandbox", () => {
    expect(commands().join("\n")).toContain(
      'opam init -k git -a --disable-sandboxing --compiler=ocaml-system.5.2.1 "$HOME/opam-repository"',
    );
  });

  it("is good bash in every command", () => {
    for (const command of commands()) {
      expect(spawnSync("bash", ["-n", "-c", command], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    }
  });
});

describe("the profile", () => {
  let home: string;
  beforeAll(() => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-profile-"));
    fs.mkdirSync(path.join(home, ".macfoundry"));
    fs.writeFileSync(path.join(home, ".obuilder_profile.sh"), profileLines("/opt/homebrew").join("\n"));
  });
  afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

  function source(shell: string, before: string, times = 1): string {
    const text = `${". ~/.obuilder_profile.sh && ".repeat(times)}printf '%s' "$PATH"`;
    return execFileSync(shell, ["-c", text], { encoding: "utf8", env: { HOME: home, PATH: before } });
  }

  it("sets Homebrew's settings, then PATH with the compiler in front, then opam's settings", () => {
    const lines = profileLines("/opt/homebrew").map((line) => line.trim());
    const order = [
      ...["export HOMEBREW_NO_AUTO_UPDATE=1", "macfoundry_front /opt/homebrew/bin", "export PATH", "export OPAMYES=1"],
      ...["export OPAMCONFIRMLEVEL=unsafe-yes", "export OPAMERRLOGLEN=0", "export OPAMPRECISETRACKING=1"],
    ];
    const places = order.map((line) => lines.indexOf(line));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });

  it.each(["/bin/bash", "/bin/sh"])("puts each folder in front once, however often %s reads it", (shell) => {
    fs.writeFileSync(path.join(home, ".macfoundry/compiler"), "/opt/ocaml\n");
    const expected = "/opt/ocaml/bin:/opt/homebrew/bin:/opt/homebrew/sbin:/usr/bin:/bin";
    expect(source(shell, "/usr/bin:/bin")).toBe(expected);
    expect(source(shell, "/usr/bin:/bin", 3)).toBe(expected);
    expect(source(shell, "/opt/homebrew/bin:/usr/bin:/opt/homebrew/bin:/bin:/opt/ocaml/bin", 2)).toBe(expected);
  });

  it("does without the compiler's file, as in a home that was made by hand", () => {
    fs.rmSync(path.join(home, ".macfoundry/compiler"), { force: true });
    expect(source("/bin/bash", "/usr/bin:/bin")).toBe("/opt/homebrew/bin:/opt/homebrew/sbin:/usr/bin:/bin");
  });
});
