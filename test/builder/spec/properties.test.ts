import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { CopySource, Mount, NamedBuild, Op, Spec, User } from "../../../builder/spec/ast.js";
import { asBytes, fromBytes, toBytes, type ByteString } from "../../../builder/spec/bytes.js";
import { printSpecHum, printSpecMach } from "../../../builder/spec/canonical.js";
import { printDockerfile } from "../../../builder/spec/dockerfile.js";
import { printSpecLayout } from "../../../builder/spec/layout.js";
import { parseSpec } from "../../../builder/spec/parse.js";
import { printHum, printMach } from "../../../builder/spec/print.js";
import { readSexp } from "../../../builder/spec/reader.js";
import { toSexp, type Sexp } from "../../../builder/spec/sexp.js";

/** Atoms with a taste for what has to be quoted. */
const atom: fc.Arbitrary<ByteString> = fc.oneof(
  fc.stringMatching(/^[a-z/.=_-]{1,12}$/).map(asBytes),
  fc
    .array(fc.constantFrom(..."#|;\"\\()\n\r\t ,'ab\x00\x0b\x0c\x7f\xa0\xff"), { maxLength: 6 })
    .map((all) => asBytes(all.join(""))),
  fc.uint8Array({ maxLength: 8 }).map(fromBytes),
);
const sexp = fc.letrec<{ sexp: Sexp }>((tie) => ({
  sexp: fc.oneof({ maxDepth: 6 }, atom, fc.array(tie("sexp"), { maxLength: 6 })),
})).sexp;

const atoms = fc.array(atom, { maxLength: 4 });
const mount: fc.Arbitrary<Mount> = fc.record({
  id: atom,
  target: atom,
  buildkitOptions: fc.array(fc.tuple(atom, atom), { maxLength: 2 }),
});
const integer = fc.bigInt({ min: -(1n << 62n), max: (1n << 62n) - 1n });
const user: fc.Arbitrary<User> = fc.oneof(
  fc.record({ kind: fc.constant("unix" as const), uid: integer, gid: integer }),
  fc.record({ kind: fc.constant("windows" as const), name: atom }),
);
const opWith = (source: fc.Arbitrary<CopySource>): fc.Arbitrary<Op> =>
  fc.oneof(
    fc.record({ op: fc.constant("comment" as const), text: atom }),
    fc.record({ op: fc.constant("workdir" as const), path: atom }),
    fc.record({ op: fc.constant("shell" as const), args: atoms }),
    fc.record({ op: fc.constant("env" as const), name: atom, value: atom }),
    fc.record({ op: fc.constant("user" as const), user }),
    fc.record({
      op: fc.constant("run" as const),
      cache: fc.array(mount, { maxLength: 3 }),
      network: atoms,
      secrets: fc.array(mount, { maxLength: 3 }),
      shell: atom,
    }),
    fc.record({ op: fc.constant("copy" as const), from: source, src: atoms, dst: atom, exclude: atoms }),
  );
const context = fc.constant<CopySource>({ kind: "context" });
const leaf: fc.Arbitrary<Spec> = fc.record({
  builds: fc.constant([]),
  from: atom,
  ops: fc.array(opWith(context), { maxLength: 4 }),
});
const spec: fc.Arbitrary<Spec> = fc.array(fc.tuple(atom, leaf), { maxLength: 3 }).chain((named) => {
  const builds: NamedBuild[] = named.map(([name, inner]) => ({ name, spec: inner }));
  const outer: NamedBuild[] =
    builds.length === 0 ? [] : [{ name: asBytes("outer"), spec: { builds, from: asBytes("x"), ops: [] } }];
  const names = [...builds, ...outer].map(({ name }) => name);
  const source =
    names.length === 0
      ? context
      : fc.oneof(
          context,
          fc.constantFrom(...names).map((name): CopySource => ({ kind: "build", name })),
        );
  return fc.record({
    builds: fc.constant([...builds, ...outer]),
    from: atom,
    ops: fc.array(opWith(source), { maxLength: 5 }),
  });
});

/** Processor time, the least of a few runs: other work on the machine must not count. */
function leastSeconds(work: () => unknown): number {
  let least = Infinity;
  for (let attempt = 0; attempt < 5 && least >= 1; attempt++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e6);
  }
  return least;
}

function read(text: ByteString): Sexp {
  const result = readSexp(toBytes(text));
  if (!result.ok) throw new Error(`${result.finding.message} in ${JSON.stringify(text)}`);
  return toSexp(result.node);
}

describe("reading undoes printing", () => {
  it("for any S-expression, in the machine form and in the readable one", () => {
    fc.assert(
      fc.property(sexp, (value) => {
        expect(read(printMach(value))).toEqual(value);
        expect(read(printHum(value))).toEqual(value);
      }),
      { numRuns: 800 },
    );
  });

  it("for any spec, in all three forms", () => {
    fc.assert(
      fc.property(spec, (value) => {
        for (const print of [printSpecMach, printSpecHum, printSpecLayout]) {
          const result = parseSpec(toBytes(print(value)));
          if (!result.ok) throw new Error(result.errors.map(({ message }) => message).join("; "));
          expect(result.spec).toEqual(value);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("the machine form is ASCII without line breaks", () => {
    fc.assert(fc.property(sexp, (value) => expect(printMach(value)).toMatch(/^[\x20-\x7e]*$/)));
  });
});

describe("nothing a file can hold is too much", () => {
  it("random bytes are read or refused at a place inside the file", () => {
    const lively = fc
      .array(fc.constantFrom(...'()"\\#|; \n\rab0x1'), { maxLength: 40 })
      .map((all) => Buffer.from(all.join("")));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), lively), (bytes) => {
        const result = parseSpec(bytes);
        if (result.ok) return;
        expect(result.errors.length).toBeGreaterThan(0);
        for (const { offset, line, column } of result.errors) {
          expect(offset).toBeLessThanOrEqual(bytes.length);
          expect(line).toBeGreaterThan(0);
          expect(column).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  const megabyte = 1_000_000;
  const worst: Record<string, string> = {
    "open parentheses": "(".repeat(megabyte),
    "balanced parentheses": "(".repeat(megabyte / 2) + ")".repeat(megabyte / 2),
    "datum comments": "#;".repeat(megabyte / 2),
    "nested block comments": "#|".repeat(megabyte / 2),
    "backslashes in quotes": `"${"\\".repeat(megabyte)}`,
    "one-byte atoms": "a ".repeat(megabyte / 2),
    quotes: '""'.repeat(megabyte / 2),
    "one long atom": "a".repeat(megabyte),
    "a list of empty lists": `(${"()".repeat(megabyte / 2)})`,
    "unknown ops": `((from x)${"(foo)".repeat(megabyte / 5)})`,
    "unknown fields": `((from x)(run ${"(b c)".repeat(megabyte / 5)}))`,
    "unknown builds": `((from x)${"(copy (from (build b)) (src a) (dst b))".repeat(megabyte / 40)})`,
    newlines: "\n".repeat(megabyte),
  };
  it.each(Object.entries(worst))("a megabyte of %s takes less than a second", (_name, text) => {
    const bytes = Buffer.from(text);
    expect(leastSeconds(() => expect(parseSpec(bytes).ok).toBe(false))).toBeLessThan(1);
  });

  it("values nested 100,000 deep are read and printed", () => {
    const text = "(".repeat(100_000) + ")".repeat(100_000);
    expect(printMach(read(asBytes(text)))).toBe(text);
    expect(printHum(read(asBytes(text)))).toContain("()");
  });

  it("builds nested 20,000 deep are parsed, checked and printed in every form", () => {
    const depth = 20_000;
    const text = asBytes("((build b".repeat(depth) + "((from x))" + ")(from y))".repeat(depth));
    const result = parseSpec(toBytes(text));
    if (!result.ok) throw new Error("refused");
    expect(printSpecMach(result.spec)).toBe(text);
    expect(printSpecHum(result.spec).length).toBeGreaterThan(text.length);
    expect(printSpecLayout(result.spec)).toMatch(/^\(\(build b\n/);
    const dockerfile = printDockerfile(result.spec, { buildkit: true, escape: "unix" });
    expect(dockerfile.ok && dockerfile.text.startsWith("FROM x as b\n\nFROM y as b\n")).toBe(true);
  });

  it("a megabyte of one command is printed in less than a second in every form", () => {
    const value: Spec = {
      builds: [],
      from: asBytes("x"),
      ops: [{ op: "run", cache: [], network: [], secrets: [], shell: asBytes("a\n  b ".repeat(megabyte / 6)) }],
    };
    for (const print of [printSpecMach, printSpecHum, printSpecLayout]) {
      expect(leastSeconds(() => print(value))).toBeLessThan(1);
    }
  });
});
