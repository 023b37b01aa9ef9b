import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { HostStatus } from "../../../cli/status/render.js";
import { bootMac, type SimMac } from "../../mac/fixture.js";

jest.setTimeout(120_000);

const BIN = join(dirname(fileURLToPath(import.meta.url)), "../../../bin/macfoundry");

interface End {
  code: number;
  stdout: string;
  stderr: string;
}

describe("the command line with --host and a simulated Mac", () => {
  let mac: SimMac;
  let folder: string;
  const start = (words: readonly string[]) =>
    spawn(process.execPath, [BIN, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, MACFOUNDRY_STACK_FILE: join(folder, "Pulumi.pool.yaml") },
    });
  const run = (...words: string[]): Promise<End> =>
    new Promise((resolve) => {
      const child = start(words);
      const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      child.on("close", (code) =>
        resolve({
          code: code ?? 255,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        }),
      );
    });
  beforeAll(async () => {
    mac = await bootMac({ profile: "arm-15" });
    folder = mkdtempSync(join(tmpdir(), "mf-status-"));
    await mac.run(`set -e
dscl . -create /Users/mac705
dscl . -create /Users/mac705 UniqueID 705
dscl . -create /Users/mac705 PrimaryGroupID 20
dscl . -create /Users/mac705 UserShell /bin/bash
dscl . -create /Users/mac705 NFSHomeDirectory /Users/mac705
mkdir -p /Users/mac705; chown 705:20 /Users/mac705; chmod 0700 /Users/mac705`);
    const entry = {
      address: mac.address,
      port: mac.port,
      user: mac.user,
      identity: mac.identityFile,
      hostKey: mac.hostKey,
    };
    const hosts = { mini: entry, gone: { ...entry, port: 1 }, sealed: { ...entry, user: { secure: "v1:x" } } };
    writeFileSync(join(folder, "Pulumi.pool.yaml"), JSON.stringify({ config: { "macfoundry:hosts": hosts } }));
    writeFileSync(
      join(folder, "slow.spec"),
      '((from empty) (run (shell "echo quick")) (run (shell "echo slow; sleep 60")))',
    );
  });
  afterAll(async () => {
    await mac.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("shows each Mac, and with 1 those that cannot be looked at, without stopping at them", async () => {
    const end = await run("status");
    expect(end.code).toBe(1);
    expect(end.stdout).toMatch(/^mini: macOS 15\.\S+ \(\w+\), arm64, up \d+ s, boot session [0-9A-F-]{36}\n {2}load /);
    expect(end.stdout).toMatch(/GiB free on \/System\/Volumes\/Data \(\d+ %\)/);
    expect(end.stdout).toContain("nothing is running");
    expect(end.stdout).toMatch(/^gone: HOST_UNREACHABLE: /m);
    expect(end.stdout).toMatch(/^sealed: CONFIG_INVALID: is encrypted, and only Pulumi can read it/m);
    expect((await run("status", "--host", "mini")).code).toBe(0);
    expect((await run("status", "--host", "nobody")).stderr).toContain("no such Mac; it has mini, gone, sealed");
  });

  it("shows a build of somebody else: who holds the builder, the step, how long and its last line; a mark too", async () => {
    const words = ["build", "-f", join(folder, "slow.spec"), folder, "--host", "mini", "--uid", "705"];
    const child = start([...words, "--store", "rsync:/var/db/macfoundry/store/mac705"]);
    const ended = new Promise((resolve) => child.once("close", resolve));
    await mac.run(
      "echo '99 stuck' > /tmp/mark; mkdir -p /var/db/macfoundry/builders; mv /tmp/mark /var/db/macfoundry/builders/706.quarantine",
    );
    const look = async () =>
      (JSON.parse((await run("status", "--host", "mini", "--json")).stdout) as { hosts: HostStatus[] }).hosts[0];
    const find = async (): Promise<HostStatus | undefined> => {
      for (let n = 0; n < 60; n++) {
        const host = await look();
        if (host?.reachable === true && host.status.jobs.some(({ lastLine }) => lastLine === "slow")) return host;
      }
      return undefined;
    };
    expect(await find()).toMatchObject({
      name: "mini",
      status: {
        builds: [{ uid: 705, isAlive: true, who: expect.stringContaining("@") }],
        jobs: expect.arrayContaining([
          {
            id: expect.stringMatching(/^step-705-[0-9a-f]{40}$/),
            state: "running",
            elapsedSeconds: expect.any(Number),
            lastLine: "slow",
          },
        ]),
        quarantines: [{ uid: 706, processes: ["99 stuck"] }],
        stores: [{ root: "/var/db/macfoundry/store/mac705", builder: "mac705", resultCount: 2 }],
      },
    });
    const text = (await run("status", "--host", "mini")).stdout;
    expect(text).toMatch(/builder 705 is held by \S+@/);
    expect(text).toMatch(/builder 705, step [0-9a-f]{12}: running for \d+ s: slow/);
    expect(text).toContain("builder 706 is quarantined, these could not be ended: 99 stuck");

    const busy = await run("store", "gc", "--host", "mini");
    expect(busy).toMatchObject({ code: 1, stderr: expect.stringContaining("STORE_BUSY") });
    execFileSync("kill", ["-INT", String(child.pid)]);
    expect(await ended).toBe(1);
    expect(
      await mac.run(
        "ps -axo uid=,state=,args= | awk '$1 == 705 && $2 !~ /^Z/'; ls /var/db/macfoundry/store/mac705/result-tmp",
      ),
    ).toBe("");
    const listed = await run("store", "ls", "--host", "mini");
    expect(listed.stdout).toMatch(/^\/var\/db\/macfoundry\/store\/mac705 \(mac705\), 2 results/);
  });

  it("changes nothing on the Mac by looking", async () => {
    const state = "find /var/db/macfoundry -exec stat -f '%N %m %z' {} + | sort";
    const before = await mac.run(state);
    await run("status", "--host", "mini");
    expect(await mac.run(state)).toBe(before);
  });
});
