import { describe, expect, it } from "@jest/globals";
import { describeSipProcedure } from "../../../components/sip/procedure.js";
import { parseSip, sip } from "../../../components/sip/state.js";
import { readSample } from "./sample.js";

const INTEL = "macos=14.5\narch=x86_64\n";

describe("what csrutil says", () => {
  it.each([
    ["csrutil-enabled", "enabled"],
    ["csrutil-disabled", "disabled"],
    ["csrutil-custom", "custom"],
    ["csrutil-custom-old", "custom"],
    ["csrutil-custom-nvram-only", "custom"],
  ])("%s is %s, whatever its rows hold", (name, expected) => {
    const text = readSample(name);
    expect(text).toContain("System Integrity Protection status:");
    expect(parseSip(INTEL + text)).toEqual({ sip: expected, arch: "x86_64", macos: "14.5" });
  });

  it("nothing at all is not taken for enabled or disabled", () => {
    expect(parseSip(INTEL).sip).toBe("custom");
  });
});

describe("SIP's plan", () => {
  const observed = { sip: "enabled" as const, arch: "arm64", macos: "15.7" };

  it("has nothing for any, and for what is as wanted", () => {
    expect(sip.plan(observed, { host: "m", sip: "any" })).toEqual([]);
    expect(sip.plan(observed, { host: "m", sip: "enabled" })).toEqual([]);
  });

  it("leaves a difference to a person, with the procedure for that hardware", () => {
    const [change] = sip.plan(observed, { host: "m", sip: "disabled" });
    expect(change).toMatchObject({ path: "sip", live: "enabled", desired: "disabled" });
    expect(change?.human).toContain('hold the power button until "Loading startup options" shows');
    expect(change?.human).toContain("`csrutil disable`; answer y and give an administrator's name and password");
    expect(describeSipProcedure({ arch: "x86_64", macos: "12.7" }, "enabled")).toContain("Cmd-R");
  });

  it("counts a custom configuration as neither", () => {
    expect(sip.plan({ ...observed, sip: "custom" }, { host: "m", sip: "disabled" })).toHaveLength(1);
    expect(sip.importInputs({ sip: "custom", arch: "arm64", macos: "15.7" }, "main")).toEqual({ host: "", sip: "any" });
  });
});
