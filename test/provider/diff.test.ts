import { describe, expect, it } from "@jest/globals";
import type { Change, Props } from "../../components/resource.js";
import { diffResource, renderChange } from "../../provider/diff.js";
import type { AnyResource } from "../../provider/registry.js";
import { UNKNOWN } from "../../provider/values.js";

/** A resource that differs wherever the Mac has another value than wanted. */
const resource: AnyResource = {
  folder: "thing",
  type: "Thing",
  facts: { name: "thing", script: "", parse: (text) => text },
  check: () => [],
  read: () => undefined,
  plan: (observed, inputs) =>
    Object.keys(inputs)
      .filter((key) => key.startsWith("p") && observed?.[key] !== inputs[key])
      .map((key): Change => ({
        path: key,
        live: observed?.[key],
        desired: inputs[key],
        ...(key === "pHuman" ? { human: "click" } : {}),
      })),
  apply: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  importInputs: () => undefined,
  controllerInputs: ["file"],
};

const base = { host: "mac1", status: "converged" };
function diff(olds: Props, news: Props, oldInputs: Props = news): [string, string, boolean][] {
  return [...diffResource(resource, { ...base, ...olds }, { ...base, ...news }, { ...base, ...oldInputs }).entries].map(
    ([path, { kind, isInput }]) => [path, kind, isInput],
  );
}

describe("diff", () => {
  it("is empty when the Mac is as wanted and nothing else was asked for before", () => {
    expect(diff({ p1: "a" }, { p1: "a" })).toEqual([]);
  });

  it("shows the Mac's own value against the wanted one", () => {
    expect(diff({ p1: "b" }, { p1: "a" })).toEqual([["p1", "update", false]]);
    expect(diff({}, { p1: "a" })).toEqual([["p1", "add", false]]);
    expect(diff({ p1: "a" }, { p1: undefined })).toEqual([["p1", "delete", false]]);
  });

  it("replaces for another host or name only", () => {
    expect(diff({ host: "mac2" }, { p1: undefined })).toContainEqual(["host", "replace", true]);
    expect(diff({ name: "a" }, { name: "b" })).toContainEqual(["name", "replace", true]);
  });

  it("has an entry for what could not be looked at or is unfinished, though nothing else differs", () => {
    expect(diff({ status: "could not look: HOST_UNREACHABLE" }, {})).toEqual([["status", "update", false]]);
  });

  it("counts a changed input that the Mac needs nothing for, but not where a file lies on the controller", () => {
    expect(diff({}, { note: "new" }, { note: "old" })).toEqual([["note", "update", true]]);
    expect(diff({}, { file: "/new" }, { file: "/old" })).toEqual([]);
  });

  it("takes an unknown input for a change, and no more", () => {
    expect(diff({ p1: "a" }, { p1: UNKNOWN }, { p1: "a" })).toEqual([["p1", "update", true]]);
  });

  it("tells apart what only a person can change", () => {
    const found = diffResource(resource, { ...base, pHuman: 1, p1: 1 }, { ...base, pHuman: 2, p1: 2 }, base);
    expect(found.human.map(({ path }) => path)).toEqual(["pHuman"]);
    expect([...found.entries.keys()]).toEqual(["pHuman", "p1"]);
  });
});

describe("a line for a person", () => {
  it("has the live and the wanted value", () => {
    expect(renderChange({ path: "a.b", live: "/bin/zsh", desired: "/bin/bash" })).toBe(
      'a.b: "/bin/zsh" => "/bin/bash"',
    );
    expect(renderChange({ path: "a", live: undefined, desired: ["x"] })).toBe('a: (absent) => ["x"]');
  });
});
