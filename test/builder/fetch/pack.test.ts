import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { hashObject, PackWriter, type ObjectKind } from "../../../builder/fetch/pack.js";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-pack-"));
  execFileSync("git", ["init", "-q", folder]);
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function git(words: string[], input?: Buffer): Buffer {
  return execFileSync("git", ["-C", folder, ...words], {
    maxBuffer: 1 << 26,
    ...(input === undefined ? {} : { input }),
  });
}

function pack(objects: readonly [ObjectKind, Buffer][]): { bytes: Buffer; sum: string } {
  const pieces: Buffer[] = [];
  const writer = new PackWriter((chunk) => pieces.push(Buffer.from(chunk)), objects.length);
  for (const [kind, content] of objects) writer.add(kind, content);
  const sum = writer.finish();
  return { bytes: Buffer.concat(pieces), sum };
}

describe("a pack", () => {
  // Around the sizes at which a header grows by a byte, a stored block is full, and the checksum's sums wrap.
  it.each([0, 1, 15, 16, 2047, 2048, 5552, 5553, 65_534, 65_535, 65_536, 131_070, 131_071, 3_000_001])(
    "gives git a file of %d bytes as it was",
    (size) => {
      const content = Buffer.alloc(size, "\xff\x00line\n\x80", "latin1");
      const { bytes, sum } = pack([["blob", content]]);
      expect(git(["index-pack", "--stdin", "--strict"], bytes).toString()).toBe(`pack\t${sum}\n`);
      expect(git(["cat-file", "blob", hashObject("blob", content)]).equals(content)).toBe(true);
    },
  );

  it("holds objects of several kinds", () => {
    const blob = Buffer.from("hello\n");
    const tree = Buffer.concat([Buffer.from("100644 hello\0"), Buffer.from(hashObject("blob", blob), "hex")]);
    const person = "A <a@b.invalid> 1700000000 +0000";
    const commit = Buffer.from(`tree ${hashObject("tree", tree)}\nauthor ${person}\ncommitter ${person}\n\nBegin\n`);
    git(
      ["index-pack", "--stdin", "--strict"],
      pack([
        ["commit", commit],
        ["tree", tree],
        ["blob", blob],
      ]).bytes,
    );
    expect(git(["show", "--format=%s", "--name-only", hashObject("commit", commit)]).toString()).toContain(
      "Begin\n\nhello",
    );
  });

  it("that was changed on the way is refused by git", () => {
    const { bytes } = pack([["blob", Buffer.from("hello\n")]]);
    bytes[bytes.length - 26] = (bytes[bytes.length - 26] ?? 0) ^ 1;
    expect(() =>
      execFileSync("git", ["-C", folder, "index-pack", "--stdin"], { input: bytes, stdio: "pipe" }),
    ).toThrow();
  });
});
