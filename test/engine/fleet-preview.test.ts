import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "../mac/fixture.js";
import { ROOT, countLogins, describeHosts, logSessions, makeFleet, writeProject, type Fleet } from "./fleet.js";

/** 40 resources of ours on one Mac: 20 components, each with its state below it. */
const PROGRAM = `
import { ensureBuiltOrExit } from ${JSON.stringify(path.join(ROOT, "tools/build.mjs"))};
await ensureBuiltOrExit();
const dist = ${JSON.stringify(path.join(ROOT, "dist/components"))};
const { MacHost } = await import(dist + "/mac-host/mac-host.js");
const { SipState } = await import(dist + "/sip/sip.js");
const { MacFuse } = await import(dist + "/macfuse/macfuse.js");
const { Builders } = await import(dist + "/builder/builder.js");
const on = { host: "mac1", observe: false };
const account = { name: "mac705", uid: 705, gid: 20, fullName: "m", shell: "/bin/bash", home: "/Users/mac705", hidden: true, groups: [], adopt: false };
for (let i = 0; i < 5; i += 1) {
  const mac = new MacHost("mac-" + i, { ...on, arch: "x86_64", macos: "14" });
  const below = { parent: mac, dependsOn: [mac.state] };
  new SipState("sip-" + i, { ...on, sip: "any" }, below);
  new MacFuse("fuse-" + i, { ...on, macfuse: "any" }, below);
  new Builders("builders-" + i, { ...on, builders: [account] }, below);
}
export const done = true;
`;

describe("preview of a converged Mac", () => {
  let mac: SimMac;
  let fleet: Fleet;
  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac(), makeFleet()]);
    fleet.configure({ "macfoundry:hosts": describeHosts({ mac1: mac }) });
    writeProject(fleet, "index.mjs");
    fs.writeFileSync(path.join(fleet.folder, "index.mjs"), PROGRAM);
  }, 300_000);
  afterAll(async () => {
    fleet.remove();
    await mac.stop();
  });

  it("of 40 resources is one connection and at most two commands, by sshd's own log", async () => {
    const update = await fleet.up();
    expect(update.text).toMatch(/\+ 41 created/);
    expect(update.code).toBe(0);
    await logSessions(mac);
    const preview = await fleet.preview("--expect-no-changes");
    expect(preview.text).toMatch(/41 unchanged/);
    expect(preview.code).toBe(0);
    const { connections, execs } = await countLogins(mac);
    expect(connections).toBe(1);
    expect(execs).toBeGreaterThanOrEqual(1);
    expect(execs).toBeLessThanOrEqual(2);
  }, 180_000);
});
