import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { quoteWord, quoteWords, raw, sh } from "../../host/quote.js";

/** What a shell hands to a command for these quoted words, NUL-separated. */
function readBack(shell: string, words: readonly string[]): string[] {
  const script = `printf '%s\\0' ${quoteWords(words)}`;
  return execFileSync(shell, ["-s"], { input: script }).toString("utf8").split("\0").slice(0, -1);
}

const NASTY = [
  "",
  " ",
  "it's",
  "''",
  "$HOME",
  "`id`",
  "$(id)",
  "a\nb",
  "*",
  "~",
  "!",
  "\\",
  '"',
  "-n",
  "ü",
  ";",
  "a&b",
];

describe("quoted words", () => {
  it.each(["/bin/sh", "/bin/bash"])("come back from %s as they were", (shell) => {
    expect(readBack(shell, NASTY)).toEqual(NASTY);
  });

  it("come back whatever they are", () => {
    const word = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        expect(readBack("/bin/sh", words)).toEqual(words);
      }),
      { numRuns: 30 },
    );
  });

  it("are left bare only when they are plainly harmless", () => {
    expect(quoteWord("/usr/bin/dscl")).toBe("/usr/bin/dscl");
    expect(quoteWord("a=b")).toBe("'a=b'"); // first in a command, it would be an assignment
    expect(quoteWord("~root")).toBe("'~root'");
  });
});

describe("shell templates", () => {
  it("quote strings, spread lists, print numbers, and pass only what is marked as shell", () => {
    expect(sh`a ${"b c"} ${["d", "e f"]} ${7} ${raw("| g")}`).toBe("a 'b c' d 'e f' 7 | g");
  });
});
