import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "@jest/globals";
import { bootMac, runOverSsh, type SimMac } from "./fixture.js";

const macs: SimMac[] = [];
async function boot(options: Parameters<typeof bootMac>[0] = {}): Promise<SimMac> {
  const mac = await bootMac(options);
  macs.push(mac);
  return mac;
}
afterEach(async () => {
  await Promise.allSettled(macs.splice(0).map((mac) => mac.stop()));
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function waitUntilGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  return !isAlive(pid);
}

const readMounts = () => readFileSync("/proc/self/mounts", "utf8");

/** Files behind this machine's loop devices. */
function listLoopFiles(): string[] {
  return Array.from({ length: 64 }, (_, index) => `/sys/block/loop${index}/loop/backing_file`)
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8").trim());
}

describe("the life of simulated Macs", () => {
  it("has two Macs of different kinds at once, each with its own address, key and disk", async () => {
    const [intel, arm] = await Promise.all([boot({ profile: "intel-12" }), boot({ profile: "arm-15" })]);
    expect(intel.address).not.toBe(arm.address);
    expect(intel.hostKey).not.toBe(arm.hostKey);
    await intel.run("echo intel >/Users/Shared/who");
    expect((await arm.exec("cat /Users/Shared/who")).code).not.toBe(0);
    expect((await runOverSsh(arm, "hostname")).stdout).toContain(arm.name);
    expect(await intel.run("cat /.sim/state/arch")).toBe("x86_64\n");
    expect(await arm.run("cat /.sim/state/arch")).toBe("arm64\n");
  });

  it("mounts nothing on this machine, and stop leaves no process and no loop device", async () => {
    const mounts = readMounts();
    const mac = await boot();
    const pid = mac.pid;
    await mac.run("sleep 500 >/dev/null 2>&1 &");
    expect(readMounts()).toBe(mounts);
    const disk = `/${mac.name}/data.xfs`;
    expect(listLoopFiles().some((file) => file.endsWith(disk))).toBe(true);
    await mac.stop();
    expect(isAlive(pid)).toBe(false);
    expect(listLoopFiles().some((file) => file.includes(disk))).toBe(false);
  });

  it("ends with its parent, however that dies", async () => {
    const parent = spawn("sleep", ["600"], { stdio: "ignore" });
    const mac = await bootMac({ parent: parent.pid ?? 0 });
    parent.kill("SIGKILL");
    expect(await waitUntilGone(mac.keeperPid)).toBe(true);
    expect(await waitUntilGone(mac.pid)).toBe(true);
    expect(listLoopFiles().some((file) => file.includes(`/${mac.name}/`))).toBe(false);
  });

  it("ends when its keeper is killed, and the next boot takes the rest away", async () => {
    const mac = await boot();
    const { pid, keeperPid, name } = mac;
    process.kill(keeperPid, "SIGKILL");
    expect(await waitUntilGone(pid)).toBe(true);
    const next = await boot({ name });
    expect((await runOverSsh(next, "echo fresh")).stdout).toBe("fresh\n");
  });

  it("refuses a second Mac of the same name", async () => {
    const mac = await boot();
    await expect(bootMac({ name: mac.name })).rejects.toThrow(/already running/);
  });

  it("takes options into the Mac's state", async () => {
    const mac = await boot({ sip: "enabled", macfuse: "4.10.2", noClt: true, state: { ncpu: "6" } });
    const state = await mac.run("cd /.sim/state && cat sip macfuse clt ncpu macos");
    expect(state).toBe("enabled\n4.10.2\nabsent\n6\n14.5\n");
    expect((await mac.exec("test -e /Library/Developer/CommandLineTools/usr/bin/git")).code).toBe(1);
  });
});
