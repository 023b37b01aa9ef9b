import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "../mac/fixture.js";
import { describeHosts, listRunProcesses, makeFleet, type Fleet } from "./fleet.js";
import { findProcesses, waitFor, type ScratchProject } from "./scratch-project.js";

const TIMEOUT_MS = 180_000;

/** Pid of the CLI that holds the stack's lock. */
function readLockHolder(project: ScratchProject): number {
  const folder = path.join(project.stateFolder, ".pulumi/locks/organization/fleet/dev");
  const [name] = fs.readdirSync(folder).filter((file) => file.endsWith(".json"));
  const { pid } = JSON.parse(fs.readFileSync(path.join(folder, name ?? ""), "utf8")) as { pid: number };
  return pid;
}

function listProviders(project: ScratchProject): number[] {
  return listRunProcesses(project)
    .filter(({ command }) => command.includes("provider/bin/start.mjs"))
    .map(({ pid }) => pid);
}

describe("a run that ends in the middle", () => {
  let mac: SimMac;
  let fleet: Fleet;
  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac(), makeFleet()]);
    fleet.configure({
      "macfoundry:hosts": describeHosts({ mac1: mac }),
      "fleet:expect": { arch: "x86_64", macos: "14" },
      "fleet:builders": [
        { name: "mac705", uid: 705 },
        { name: "mac706", uid: 706 },
      ],
    });
  }, 300_000);
  afterAll(async () => {
    fleet.remove();
    await mac.stop();
  });

  /** Starts an update and waits until it is at work on the first account. */
  async function startUpdate(): Promise<ReturnType<Fleet["start"]>> {
    const run = fleet.start(["up", "--skip-preview"]);
    await waitFor("the first account", () => run.text().includes("account mac705"), 60_000);
    return run;
  }

  it(
    "kill -9 of the CLI alone: its provider ends within a second, and the next up finishes",
    async () => {
      await mac.fault("slow-command", "chown", 4);
      const run = await startUpdate();
      expect(listProviders(fleet).length).toBeGreaterThan(0);
      process.kill(readLockHolder(fleet), "SIGKILL");
      const begin = Date.now();
      await waitFor("the providers to end", () => listProviders(fleet).length === 0, 10_000);
      expect(Date.now() - begin).toBeLessThan(1_500);
      expect((await run.done).code).toBe(137);
      expect(
        findProcesses(`HostKeyAlias=macfoundry-mac1`).filter(({ command }) => command.includes(mac.address)),
      ).toEqual([]);
      await mac.clearFault("all");

      const next = await fleet.up();
      expect(next.text).toContain("removed the lock that a killed run left on stack dev");
      expect(next.code).toBe(0);
      expect(await mac.run("id -u mac705; id -u mac706")).toBe("705\n706\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "an interruption ends the run as partly done, and the next up goes on",
    async () => {
      await mac.run("dscl . -create /Users/mac705 UserShell /bin/zsh; dscl . -create /Users/mac706 UserShell /bin/zsh");
      await mac.fault("slow-command", "chown", 4);
      const run = await startUpdate();
      run.child.kill("SIGINT");
      const ended = await run.done;
      expect(ended.text).toContain("CANCELLED on mac1");
      expect(ended.code).not.toBe(0);
      await waitFor("the providers to end", () => listProviders(fleet).length === 0, 10_000);
      await mac.clearFault("all");
      expect((await fleet.up()).code).toBe(0);
      expect(await mac.run("dscl . -read /Users/mac706 UserShell")).toBe("UserShell: /bin/bash\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );
});
