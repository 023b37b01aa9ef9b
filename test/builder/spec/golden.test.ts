import { describe, expect, it } from "@jest/globals";
import { toSexp } from "../../../builder/spec/sexp.js";
import { readSexp } from "../../../builder/spec/reader.js";
import { printHum, printMach } from "../../../builder/spec/print.js";
import { parseSpec } from "../../../builder/spec/parse.js";
import { printSpecHum, printSpecMach } from "../../../builder/spec/canonical.js";
import { printSpecLayout } from "../../../builder/spec/layout.js";
import { printDockerfile } from "../../../builder/spec/dockerfile.js";
import { bufferOf, bytesOf, loadVectors, sexpOf } from "../../golden/load.js";
import type { Spec } from "../../../builder/spec/ast.js";

const vectors = loadVectors();
const specs = [...vectors.valid, ...vectors.buildfail];

function parse(source: Uint8Array): Spec {
  const result = parseSpec(source);
  if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join("\n"));
  return result.spec;
}

describe("the reader agrees with sexplib's load_sexp", () => {
  it.each(vectors.sexp.map((vector, index) => ({ vector, index, text: JSON.stringify(vector.text) })))(
    "case $index: $text",
    ({ vector }) => {
      const result = readSexp(bufferOf(vector.text));
      const { sexp, error, mach, hum } = vector.load;
      if (error !== undefined) {
        expect(result.ok).toBe(false);
        if (!result.ok && error.col !== undefined) expect(result.finding.offset).toBe(error.col);
        return;
      }
      if (!result.ok) throw new Error(result.finding.message);
      const value = toSexp(result.node);
      expect(value).toEqual(sexpOf(sexp ?? []));
      if (mach !== undefined) expect(printMach(value)).toBe(bytesOf(mach));
      if (hum !== undefined) expect(printHum(value)).toBe(bytesOf(hum));
    },
  );
});

describe("the printers agree with to_string_mach and to_string_hum", () => {
  it.each(vectors.printing.map((vector, index) => ({ vector, index })))("case $index", ({ vector }) => {
    const value = sexpOf(vector.sexp);
    expect(printMach(value)).toBe(bytesOf(vector.mach));
    expect(printHum(value)).toBe(bytesOf(vector.hum));
  });
});

describe("a spec is printed as the original prints it", () => {
  it.each(specs)("$name in canonical form, readable layout and spec layout", ({ source, canonical }) => {
    const spec = parse(bufferOf(source));
    expect(printSpecMach(spec)).toBe(bytesOf(canonical.mach));
    expect(printSpecHum(spec)).toBe(bytesOf(canonical.hum));
    expect(printSpecLayout(spec)).toBe(bytesOf(canonical.pp));
    for (const form of [canonical.mach, canonical.hum, canonical.pp]) expect(parse(bufferOf(form))).toEqual(spec);
  });

  it.each(vectors.valid)("$name as a Dockerfile in four forms", ({ source, dockerfile }) => {
    const spec = parse(bufferOf(source));
    for (const escape of ["unix", "windows"] as const) {
      for (const buildkit of [false, true]) {
        const expected = dockerfile[buildkit ? (`${escape}_buildkit` as const) : escape];
        const result = printDockerfile(spec, { escape, buildkit });
        if (typeof expected === "object" && "error" in expected) expect(result.ok).toBe(false);
        else expect(result).toEqual({ ok: true, text: bytesOf(expected) });
      }
    }
  });
});

describe("what the original refuses is refused", () => {
  it.each(vectors.invalid)("$name", ({ source, stage, error }) => {
    const bytes = bufferOf(source);
    const result = parseSpec(bytes);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    const [first] = result.errors;
    expect(first?.code).toBe(stage === "read" ? "SPEC_SYNTAX" : "SPEC_INVALID");
    expect(first?.offset).toBeLessThanOrEqual(bytes.length);
    if (error.line !== undefined) {
      expect({ line: first?.line, column: first?.column }).toEqual({ line: error.line, column: (error.col ?? 0) + 1 });
    }
  });
});
