import { afterAll, beforeAll, afterEach, describe, expect, it } from "@jest/globals";
import { bootMac, runOverSsh, type SimMac } from "./fixture.js";

describe("faults", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac({ dataSize: "2G" });
  }, 300_000);
  afterEach(() => mac.clearFault("all"));
  afterAll(() => mac.stop());

  it("no-sudo: sudo wants a password; cleared, it does not", async () => {
    await mac.fault("no-sudo");
    expect(await runOverSsh(mac, "sudo -n true")).toEqual({
      code: 1,
      stdout: "",
      stderr: "sudo: a password is required\n",
    });
    const asking = await runOverSsh(mac, "sudo true");
    expect([asking.code, asking.stderr]).toEqual([
      1,
      "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\nsudo: a password is required\n",
    ]);
    await mac.clearFault("no-sudo");
    expect((await runOverSsh(mac, "sudo -n true")).code).toBe(0);
  });

  it("disk-full: writes fail with ENOSPC until it is cleared", async () => {
    await mac.fault("disk-full");
    const write = "head -c 1000000 /dev/zero >/Users/Shared/big";
    expect((await mac.exec(write)).stderr).toContain("No space left on device");
    await mac.clearFault("disk-full");
    expect((await mac.exec(`${write} && rm /Users/Shared/big`)).code).toBe(0);
  });

  it("cut-connection: the session ends with 255, what it started in a session of its own goes on", async () => {
    const session = runOverSsh(
      mac,
      "perl -MPOSIX -e 'exit if fork; POSIX::setsid(); exec qw(sleep 555)' </dev/null >/dev/null 2>&1; sleep 30",
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    await mac.fault("cut-connection");
    expect((await session).code).toBe(255);
    expect(await mac.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).toContain("sleep 555");
    expect((await runOverSsh(mac, "echo again")).stdout).toBe("again\n");
  });

  it("cut-connection hold: nobody gets in until it is cleared", async () => {
    await mac.fault("cut-connection", "hold");
    expect((await runOverSsh(mac, "true")).code).toBe(255);
    await mac.clearFault("cut-connection");
    expect((await runOverSsh(mac, "true")).code).toBe(0);
  });

  it("host-key-changed: the pinned key is refused; cleared, the old key is back", async () => {
    await mac.fault("host-key-changed");
    const result = await runOverSsh(mac, "true");
    expect(result.code).toBe(255);
    expect(result.stderr).toMatch(/host key/i);
    await mac.clearFault("host-key-changed");
    expect((await runOverSsh(mac, "true")).code).toBe(0);
  });

  it("command: fails with its code and text when the words match, and only then", async () => {
    await mac.fault("command", "getconf", 5, "ARG_MAX", "getconf: out of luck");
    expect(await mac.exec("getconf ARG_MAX")).toEqual({ code: 5, stdout: "", stderr: "getconf: out of luck\n" });
    expect((await mac.exec("getconf PAGESIZE")).code).toBe(0);
  });

  it("slow-command: takes its time and then works", async () => {
    await mac.fault("slow-command", "getconf", 0.5);
    const startedAt = Date.now();
    expect((await mac.exec("getconf PAGESIZE")).stdout).toBe("4096\n");
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(500);
  });

  it("refuses a fault that does not exist", async () => {
    await expect(mac.fault("bad-luck" as "no-sudo")).rejects.toThrow(/no fault called bad-luck/);
  });
});
