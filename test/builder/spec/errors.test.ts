import { describe, expect, it } from "@jest/globals";
import { renderError } from "../../../builder/spec/errors.js";
import { parseOcamlInt } from "../../../builder/spec/integers.js";
import { asBytes } from "../../../builder/spec/bytes.js";
import { parseSpec } from "../../../builder/spec/parse.js";

function refuse(text: string): { at: string; message: string; remedy: string | undefined; shown: string }[] {
  const result = parseSpec(Buffer.from(text));
  if (result.ok) throw new Error("accepted");
  return result.errors.map((error) => ({
    at: `${error.line}:${error.column}`,
    message: error.message,
    remedy: error.remedy,
    shown: renderError("f", result.lines, error),
  }));
}

describe("errors of a spec", () => {
  it("are all found, those of names last, as the original would come to them", () => {
    const found = refuse(`((build a ((from x) (oops)))
 (from)
 (copy (from (build b)) (src f) (dst g))
 (run (cache c (d (target (e))) (f)) (shell x) (shell y) (user me))
 (user (gid 1) (uid 2))
 (user (uid one) (gid 9223372036854775807)))`);
    expect(found.map(({ at, message }) => `${at} ${message}`)).toEqual([
      '1:21 unknown op "oops"',
      "2:2 from takes exactly one name",
      "4:14 c is no cache",
      "4:27 a word or quoted text is needed here, not (e)",
      "4:33 cache f has no target",
      "4:48 shell is given twice in run",
      '4:58 unknown field "user" in run',
      "5:2 (user(gid 1)(uid 2)) is no user",
      "6:13 one is no integer of 63 bits",
      "6:23 9223372036854775807 is no integer of 63 bits",
      '3:14 no build "b" is in scope here',
    ]);
  });

  it("at the end of the file name the place that was left open", () => {
    expect(refuse("((from x)\n (run (shell y))")[0]).toMatchObject({
      at: "2:17",
      remedy: "close the ( opened at line 1, column 1",
    });
    expect(refuse('((from x)\n (run (shell "y)))')[0]).toMatchObject({
      at: "2:19",
      remedy: "close the quote opened at line 2, column 14",
    });
    expect(refuse("\n#| #| |# ")[0]).toMatchObject({ remedy: "close with |# the comment opened at line 2, column 1" });
  });

  it("in one long line are shown with the part around them, on one line of the terminal", () => {
    const [error] = refuse(`((from x) ${'(env A "b\x1b[31m") '.repeat(1000)} (oops))`);
    const [, line = "", caret = ""] = error?.shown.split("\n") ?? [];
    expect(line.length).toBeLessThan(120);
    expect(line.slice(caret.indexOf("^"))).toBe("(oops))");
    expect(line).not.toContain("\x1b");
  });

  it("are cut off where they no longer help", () => {
    expect(refuse(`((from x) ${"(oops)".repeat(5000)})`)).toHaveLength(1000);
  });
});

describe("numbers of users", () => {
  it.each<[string, bigint | undefined]>([
    ["0", 0n],
    ["+5", 5n],
    ["-2", -2n],
    ["1_000", 1000n],
    ["1__", 1n],
    ["007", 7n],
    ["0x1F5", 501n],
    ["0X1f5", 501n],
    ["0o24", 20n],
    ["0b101", 5n],
    ["0u9", 9n],
    ["-0x10", -16n],
    ["4611686018427387903", 4611686018427387903n],
    ["4611686018427387904", undefined],
    ["-4611686018427387904", -4611686018427387904n],
    ["-4611686018427387905", undefined],
    ["0x7fffffffffffffff", -1n],
    ["0x8000000000000000", undefined],
    ["0u9223372036854775807", -1n],
    ["", undefined],
    ["-", undefined],
    ["_1", undefined],
    ["0x", undefined],
    ["0x_1", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["0b2", undefined],
    ["1 ", undefined],
  ])("%j is %s", (text, value) => expect(parseOcamlInt(asBytes(text))).toBe(value));
});
