import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { macFuseFacts } from "../../../components/macfuse/facts.js";
import { macfuse } from "../../../components/macfuse/state.js";
import { wholeScript } from "../../../host/scripts.js";
import { readSample } from "../sip/sample.js";

/** Runs the collector's own script with commands that print recorded answers. */
let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-macfuse-"));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

function collect(answers: Record<string, string>): ReturnType<typeof macFuseFacts.parse> {
  const defaults = { sw_vers: "14.5\n", sysctl: "", pkgutil: "", kmutil: "", sqlite3: "" };
  for (const [name, text] of Object.entries({ ...defaults, ...answers })) {
    fs.writeFileSync(path.join(folder, `${name}.out`), text);
    fs.writeFileSync(path.join(folder, name), `#!/bin/sh\nexec cat "${path.join(folder, name)}.out"\n`, {
      mode: 0o755,
    });
  }
  const script = wholeScript(`PATH=${folder}:$PATH\n${macFuseFacts.script}`);
  return macFuseFacts.parse(execFileSync("/bin/sh", ["-s"], { input: script }).toString());
}

describe("macFUSE's state", () => {
  it("absent: no receipt, no kext", () => {
    expect(collect({ kmutil: readSample("kmutil-showloaded-none") })).toEqual({
      arch: "x86_64",
      macos: "14.5",
      version: undefined,
      isLoaded: false,
      consent: "missing",
    });
  });

  it.each(["kmutil-showloaded-macfuse", "kmutil-showloaded-macfuse5"])("loaded, by the recorded %s", (name) => {
    const facts = collect({
      sysctl: "1\n",
      pkgutil: readSample("pkgutil-pkg-info-macfuse"),
      kmutil: readSample(name),
      sqlite3: readSample("kextpolicy-query"),
    });
    expect(facts).toEqual({ arch: "arm64", macos: "14.5", version: "5.4.0", isLoaded: true, consent: "given" });
    expect(macfuse.read(facts, { host: "m", macfuse: "any" }, "main")?.macfuse).toBe("loaded");
  });

  it("an unreadable policy is not taken for a refusal", () => {
    expect(macFuseFacts.parse("arch=arm64\nmacos=15.1\nversion=4.1\nloaded=no\nconsent=?\n").consent).toBe("unknown");
    expect(macFuseFacts.parse("consent=0\n").consent).toBe("missing");
  });
});

describe("macFUSE's plan", () => {
  const observed = {
    macfuse: "installed" as const,
    version: "4.10.2",
    consent: "missing",
    arch: "arm64",
    macos: "15.1",
  };

  it("has nothing for any, and for what is as wanted", () => {
    expect(macfuse.plan(observed, { host: "m", macfuse: "any" })).toEqual([]);
    expect(macfuse.plan({ ...observed, macfuse: "absent" }, { host: "m", macfuse: "absent" })).toEqual([]);
  });

  it("names the clicks for that hardware and macOS, and only what is still to do", () => {
    const wanted = { host: "m", macfuse: "loaded" as const };
    const installed = macfuse.plan(observed, wanted)[0]?.human ?? "";
    expect(installed).toContain("Startup Security Utility");
    expect(installed).toContain("System Settings, Privacy & Security");
    expect(installed).not.toContain("disk image");
    const absent =
      macfuse.plan({ ...observed, macfuse: "absent", arch: "x86_64", macos: "12.7.6" }, wanted)[0]?.human ?? "";
    expect(absent).toContain("install macFUSE from its disk image");
    expect(absent).toContain("System Preferences, Security & Privacy");
    expect(absent).not.toContain("Startup Security Utility");
    expect(macfuse.plan(observed, { host: "m", macfuse: "absent" })[0]?.human).toContain("uninstaller");
  });
});
