import { describe, expect, it } from "@jest/globals";
import { UNKNOWN, dropUnknown, isAtOrBelow, isEqual, listUnknownPaths, toPlain } from "../../provider/values.js";

describe("values from the engine", () => {
  const value = { a: UNKNOWN, b: [1, UNKNOWN, { "x-y": UNKNOWN }], c: { d: "known" } };

  it("tell where they are not known yet, in Pulumi's own paths", () => {
    expect(listUnknownPaths(value)).toEqual(["a", "b[1]", 'b[2]["x-y"]']);
    expect(listUnknownPaths("known")).toEqual([]);
  });

  it("lose what is unknown and keep the rest", () => {
    expect(dropUnknown(value)).toEqual({ a: undefined, b: [1, undefined, { "x-y": undefined }], c: { d: "known" } });
  });

  it("fit into a Struct: keys without a value are left out, list items become null", () => {
    expect(toPlain({ a: undefined, b: [undefined, { c: undefined }], d: null })).toEqual({ b: [null, {}], d: null });
  });

  it("are equal when they say the same, whatever the order of keys; a missing key is as good as null", () => {
    expect(isEqual({ a: 1, b: [{ c: 2, d: undefined }] }, { b: [{ c: 2 }], a: 1 })).toBe(true);
    expect(isEqual({ a: null }, {})).toBe(true);
    expect(isEqual([1, 2], [2, 1])).toBe(false);
    expect(isEqual([1], { 0: 1 })).toBe(false);
    expect(isEqual("1", 1)).toBe(false);
  });

  it("know whether a path lies below another", () => {
    expect(isAtOrBelow("a.b", "a")).toBe(true);
    expect(isAtOrBelow("a[0]", "a")).toBe(true);
    expect(isAtOrBelow("a", "a")).toBe(true);
    expect(isAtOrBelow("ab", "a")).toBe(false);
  });
});
