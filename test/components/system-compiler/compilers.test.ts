import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { compilerFacts } from "../../../components/system-compiler/facts.js";
import { locateBuild, renderCompileScript, renderInstallScript } from "../../../components/system-compiler/scripts.js";
import { compilers } from "../../../components/system-compiler/state.js";
import { renderRecord, type CompilerInput, type CompilersInputs } from "../../../components/system-compiler/types.js";
import { wholeScript } from "../../../host/scripts.js";

const SHA = "a".repeat(64);
const WANTED: CompilerInput = {
  version: "4.13.1",
  prefix: "/opt/ocaml/4.13.1",
  sourceSha256: SHA,
  configureArgs: ["--a b"],
};
const INPUTS: CompilersInputs = {
  host: "m",
  compilers: [WANTED],
  builder: { name: "b", uid: 705 },
  archives: { [SHA]: "/f" },
};
const line = (installed: string, record: string, version = "4.13.1"): string => `${version}\t${installed}\t${record}\n`;
const plan = (text: string, inputs = INPUTS): [string, unknown, unknown][] =>
  compilers
    .plan(compilers.read(compilerFacts.parse(text), inputs, "main"), inputs)
    .map(({ path, live, desired }) => [path, live, desired]);

describe("compilers of a Mac", () => {
  it("are as wanted when the record and the compiler itself say so", () => {
    expect(plan(line("4.13.1", renderRecord(WANTED)))).toEqual([]);
  });

  it("differ when nothing answers, or another version does", () => {
    expect(plan(line("absent", renderRecord(WANTED)))).toEqual([["compilers[0].installed", "absent", "4.13.1"]]);
    expect(plan(line("4.14.0", renderRecord(WANTED)))).toEqual([["compilers[0].installed", "4.14.0", "4.13.1"]]);
  });

  it("differ when the source or an argument is another", () => {
    const text = line("4.13.1", renderRecord({ ...WANTED, configureArgs: [], sourceSha256: "b".repeat(64) }));
    expect(plan(text).map(([path]) => path)).toEqual(["compilers[0].sourceSha256", "compilers[0].configureArgs"]);
  });

  it("whose record was altered by hand count as not there", () => {
    expect(compilers.read(compilerFacts.parse(line("4.13.1", "{broken")), INPUTS, "main")).toBeUndefined();
  });

  it("are checked: versions, prefixes, sums, files, and no two alike", () => {
    const bad = { version: "4.13", prefix: "opt", sourceSha256: "zz", configureArgs: [] };
    const paths = compilers
      .check({ ...INPUTS, compilers: [bad, WANTED, WANTED], archives: {} })
      .map(({ path }) => path);
    expect(paths).toEqual([
      "compilers[0].version",
      "compilers[0].prefix",
      "compilers[0].sourceSha256",
      "archives",
      "archives",
      "archives",
      "compilers[2].version",
      "compilers[2].prefix",
    ]);
  });
});

describe("building a compiler", () => {
  it("happens in a place named by all that it is made from", () => {
    const place = locateBuild("4.13.1", "k1");
    expect(place.dir).not.toBe(locateBuild("4.13.1", "k2").dir);
    expect(place.archive.startsWith(`${place.dir}/`)).toBe(true);
  });

  it("is shell, with every argument one word", () => {
    const place = locateBuild("4.13.1", "k1");
    const compile = renderCompileScript(place, WANTED);
    expect(compile).toContain("./configure --prefix=/opt/ocaml/4.13.1 '--a b'\n");
    for (const script of [compile, renderInstallScript(place, WANTED)]) {
      expect(() => execFileSync("/bin/sh", ["-n"], { input: wholeScript(script) })).not.toThrow();
    }
  });
});
