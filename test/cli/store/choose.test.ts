import { describe, expect, it } from "@jest/globals";
import type { StoredResult } from "../../../builder/store/admin.js";
import { choosePrunable, listDescendants, momentBefore, parseAge } from "../../../cli/store/choose.js";
import { parseStore } from "../../../cli/store/locate.js";
import { UsageError } from "../../../cli/spec/options.js";

/** `id parent second` of last use. */
function results(...rows: [string, string | undefined, number][]): StoredResult[] {
  return rows.map(([id, parent, second]) => ({
    id,
    parent,
    rc: rows.filter(([, other]) => other === id).length,
    created: "2026-01-01 00:00:00",
    used: `2026-01-01 00:00:${String(second).padStart(2, "0")}`,
    kib: 1,
    isWhole: true,
  }));
}

const CHAIN = results(["base", undefined, 30], ["one", "base", 30], ["two", "one", 10], ["side", "base", 20]);
const rule = (more: object) => ({ before: "2026-01-01 00:00:59", limit: 100, kept: new Set<string>(), ...more });

describe("choosePrunable", () => {
  it("takes leaves by their last use, and a parent after its last child", () => {
    expect(choosePrunable(CHAIN, rule({}))).toEqual(["two", "side", "one", "base"]);
  });

  it("stops at the limit, and leaves what was used in the given second or later", () => {
    expect(choosePrunable(CHAIN, rule({ limit: 2 }))).toEqual(["two", "side"]);
    expect(choosePrunable(CHAIN, rule({ before: "2026-01-01 00:00:20" }))).toEqual(["two"]);
  });

  it("leaves what is kept, and with it all that it was built on", () => {
    expect(choosePrunable(CHAIN, rule({ kept: new Set(["one"]) }))).toEqual(["two", "side"]);
  });

  it("leaves results without a row or a tree to repair", () => {
    const [first, ...rest] = results(["a", undefined, 1], ["b", undefined, 2], ["c", undefined, 3]);
    const damaged = [{ ...first!, rc: undefined }, { ...rest[0]!, isWhole: false }, rest[1]!];
    expect(choosePrunable(damaged, rule({}))).toEqual(["c"]);
  });
});

it("lists a result and all that was built on it", () => {
  expect(listDescendants(CHAIN, "base").sort()).toEqual(["base", "one", "side", "two"]);
  expect(listDescendants(CHAIN, "one")).toEqual(["one", "two"]);
});

it("reads ages and counts back from the Mac's clock", () => {
  expect(["90m", "12h", "30d", "5", "1w", "-1d", ""].map(parseAge)).toEqual([
    5400,
    43_200,
    2_592_000,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(momentBefore("2026-03-01 00:00:00", 86_400)).toBe("2026-02-28 00:00:00");
});

it("reads a store's name as OBuilder writes it, and refuses what is none", () => {
  expect(parseStore("rsync:/a//b/./c/", "hardlink")).toEqual({ engine: "rsync", mode: "hardlink", root: "/a/b/c" });
  expect(parseStore("clone:/a")).toEqual({ engine: "clone", root: "/a" });
  for (const wrong of ["rsync:a", "rsync:/", "rsync:/a/../b", "/a", "docker:x", ":"])
    expect(() => parseStore(wrong)).toThrow(UsageError);
  expect(() => parseStore("clone:/a", "copy")).toThrow(UsageError);
});
