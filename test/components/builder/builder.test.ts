import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { builderFacts } from "../../../components/builder/facts.js";
import { planBuilders } from "../../../components/builder/plan.js";
import { renderConvergeScript, renderRemoveScript } from "../../../components/builder/script.js";
import { builders } from "../../../components/builder/state.js";
import type { BuilderFacts, BuilderInput, BuildersObserved } from "../../../components/builder/types.js";
import { wholeScript } from "../../../host/scripts.js";
import { readSample } from "../sip/sample.js";

const WANTED: BuilderInput = {
  name: "mac705",
  uid: 705,
  gid: 20,
  fullName: "Builder 705",
  shell: "/bin/bash",
  home: "/Users/mac705",
  hidden: true,
  groups: ["_www"],
  adopt: false,
};
const LINES = [
  "user UniqueID mac705          705",
  "user UniqueID nobody          -2",
  "user UniqueID administrator   501",
  "user PrimaryGroupID mac705          20",
  "user UserShell mac705          /bin/bash",
  "user NFSHomeDirectory mac705          /Users/mac705",
  "user RealName mac705          Builder 705",
  "user IsHidden mac705          1",
  "user Password mac705          *",
  "user Password administrator   ********",
  "user UserShell orphan   /bin/sh",
  "group staff      root administrator",
  "group _www       mac705 other",
  "access mac705 700 705:20",
  "managed mac705=uid=705",
];
const parse = (lines: readonly string[]): BuilderFacts => builderFacts.parse(`${lines.join("\n")}\n`);
const observe = (lines: readonly string[], wanted = WANTED): BuildersObserved | undefined =>
  builders.read(parse(lines), { host: "m", builders: [wanted] }, "main");
const plan = (lines: readonly string[], wanted = WANTED) =>
  planBuilders(observe(lines, wanted), { host: "m", builders: [wanted] }).map(({ path, live, desired, code }) =>
    code === undefined ? [path, live, desired] : [path, live, desired, code],
  );
const change = (from: string, to: string): string[] => LINES.map((line) => line.replace(from, to));

describe("accounts as dscl lists them", () => {
  it("are read with names and values that are padded apart", () => {
    const { accounts, groups, managed } = parse(LINES);
    expect(accounts.map(({ name, uid }) => [name, uid])).toEqual([
      ["mac705", 705],
      ["nobody", -2],
      ["administrator", 501],
    ]);
    expect(accounts[0]).toMatchObject({
      fullName: "Builder 705",
      isHidden: true,
      hasPassword: false,
      homeAccess: "700 705:20",
    });
    expect(accounts[2]).toMatchObject({ hasPassword: true, homeAccess: "missing" });
    expect(groups.get("_www")).toEqual(["mac705", "other"]);
    expect([...managed]).toEqual(["mac705"]);
  });

  it("are read from the recorded list", () => {
    const lines = readSample("dscl-list-users-uid").split("\n").filter(Boolean);
    expect(lines.length).toBeGreaterThan(3);
    const { accounts } = parse(lines.map((line) => `user UniqueID ${line}`));
    expect(accounts.map(({ name, uid }) => `${name} ${uid}`)).toEqual(lines.map((line) => line.split(/\s+/).join(" ")));
  });
});

describe("the plan for an account", () => {
  it("is empty when it is as wanted", () => {
    expect(plan(LINES)).toEqual([]);
  });

  it("names every property that differs, live and wanted", () => {
    const lines = LINES.map((line) =>
      line
        .replace("/bin/bash", "/bin/zsh")
        .replace("700 705:20", "755 705:20")
        .replace("mac705 other", "other")
        .replace("Password mac705          *", "Password mac705          ********"),
    );
    expect(plan(lines)).toEqual([
      ["builders[0].shell", "/bin/zsh", "/bin/bash"],
      ["builders[0].groups", [], ["_www"]],
      ["builders[0].password", "set", "none"],
      ["builders[0].homeAccess", "755 705:20", "700 705:20"],
    ]);
  });

  it("makes what is not there, and finishes what was half made", () => {
    expect(observe([])).toBeUndefined();
    expect(plan([]).map(([path]) => path)).toEqual(
      ["uid", "gid", "fullName", "shell", "home", "hidden", "groups", "homeAccess"].map((key) => `builders[0].${key}`),
    );
    expect(observe(["managed mac705=uid=705"])).toEqual({ builders: [{ name: "mac705", managed: true }] });
    const withoutHome = LINES.filter((line) => !line.includes("NFSHomeDirectory"));
    expect(plan(withoutHome).map(([path]) => path)).toEqual(["builders[0].home"]);
  });

  it("refuses an account of somebody else unless it is to be adopted", () => {
    const foreign = LINES.filter((line) => !line.startsWith("managed"));
    expect(plan(foreign)).toEqual([["builders[0].adopt", "not made by macfoundry", "adopt: true", "NOT_OWNED"]]);
    expect(plan(foreign, { ...WANTED, adopt: true })).toEqual([["builders[0].managed", false, true]]);
  });

  it("refuses a uid that is taken, another uid, and a moved home", () => {
    expect(plan([...LINES, "user UniqueID visitor 706"], { ...WANTED, name: "mac706", uid: 706 })).toEqual([
      ["builders[0].uid", "visitor's", 706, "TAKEN"],
    ]);
    expect(plan(change(" 705", " 799"))).toEqual([["builders[0].uid", 799, 705, "TAKEN"]]);
    expect(plan(change("/Users/mac705", "/Users/elsewhere"))).toEqual([
      ["builders[0].home", "/Users/elsewhere", "/Users/mac705", "TAKEN"],
    ]);
  });

  it("removes an account that is no longer wanted", () => {
    const before = observe(LINES);
    expect(planBuilders(before, { host: "m", builders: [] })).toEqual([
      { path: "builders[0]", live: "mac705", desired: undefined },
    ]);
  });
});

describe("the script for an account", () => {
  const live = (lines: readonly string[]) => observe(lines)?.builders[0];

  it("sets only what differs", () => {
    const script = renderConvergeScript(WANTED, live(change("/bin/bash", "/bin/zsh")));
    expect(script).toContain("set_key /Users/mac705 UserShell /bin/bash");
    expect(script.match(/^set_key \//gm)).toHaveLength(1);
    expect(script).not.toContain("dseditgroup");
    expect(renderConvergeScript(WANTED, undefined)).toContain("set_key /Users/mac705 Password '*'");
  });

  it("writes down whose the account is before it makes it", () => {
    const script = renderConvergeScript(WANTED, undefined);
    expect(script.indexOf("managed/builder")).toBeLessThan(script.indexOf("set_key /Users/mac705\n"));
  });

  it("is shell, and takes names for data", () => {
    const odd = { ...WANTED, fullName: "It's $(touch /tmp/x) `id`", home: "/Users/a b" };
    for (const script of [renderConvergeScript(odd, undefined), renderRemoveScript("mac705", 705)]) {
      expect(() => execFileSync("/bin/sh", ["-n"], { input: wholeScript(script) })).not.toThrow();
    }
    expect(renderConvergeScript(odd, undefined)).toContain(`RealName 'It'\\''s $(touch /tmp/x) \`id\`'`);
  });
});
