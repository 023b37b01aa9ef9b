import { describe, expect, it } from "@jest/globals";
import { machineFacts } from "../../../components/mac-host/facts.js";
import { machine, type MachineObserved } from "../../../components/mac-host/state.js";
import { isVersionWithin } from "../../../components/platform.js";

const TEXT = `macos=14.5
arch=x86_64
build=23F79
model=Macmini8,1
cores=12
memory=34359738368
computerName=Worker = 1
clt=15.3.0.0.1.1708646388
fda=yes
`;
const observe = (text: string): MachineObserved =>
  machine.read(machineFacts.parse(text), { host: "m", arch: "x86_64" }, "main") as MachineObserved;

describe("what a Mac is", () => {
  it("is read from its lines, also where a value has an equals sign", () => {
    expect(observe(TEXT)).toEqual({
      macos: "14.5",
      arch: "x86_64",
      build: "23F79",
      model: "Macmini8,1",
      cores: 12,
      memoryGiB: 32,
      commandLineTools: "15.3.0.0.1.1708646388",
      fullDiskAccess: "yes",
      computerName: "Worker = 1",
    });
  });

  it("tells absent tools from tools without a receipt", () => {
    expect(observe(TEXT.replace(/^clt=.*\n/m, "")).commandLineTools).toBe("absent");
    expect(observe(TEXT.replace(/^clt=.*$/m, "clt=")).commandLineTools).toBe("of unknown version");
  });
});

describe("whether a Mac is as its pool expects", () => {
  const plan = (text: string, arch: "x86_64" | "arm64", macos?: string): [string, string | undefined][] =>
    machine
      .plan(observe(text), { host: "m", arch, ...(macos === undefined ? {} : { macos }) })
      .map(({ path, code }) => [path, code]);

  it("compares versions by whole parts", () => {
    expect(isVersionWithin("14.5", "14")).toBe(true);
    expect(isVersionWithin("14.5.1", "14.5")).toBe(true);
    expect(isVersionWithin("14.5", "14.5.0")).toBe(false);
    expect(isVersionWithin("14.5", "1")).toBe(false);
    expect(isVersionWithin("14.50", "14.5")).toBe(false);
  });

  it("refuses another arch and another macOS, each with its code", () => {
    expect(plan(TEXT, "x86_64", "14")).toEqual([]);
    expect(plan(TEXT, "x86_64")).toEqual([]);
    expect(plan(TEXT, "arm64", "15")).toEqual([
      ["arch", "HOST_MISMATCH"],
      ["macos", "HOST_MISMATCH"],
    ]);
  });

  it("refuses a macOS that nobody has tried", () => {
    expect(plan(TEXT.replace("14.5", "11.7.10"), "x86_64")).toEqual([["macos", "UNSUPPORTED_MACOS"]]);
  });
});
