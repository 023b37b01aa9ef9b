import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, runOverSsh, type SimMac } from "./fixture.js";

describe("a simulated Mac", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac();
  }, 300_000);
  afterAll(() => mac.stop());

  it("lets the administrator in over SSH with a Mac's PATH, shell, ids and groups", async () => {
    const result = await runOverSsh(mac, 'print -r -- "$PATH $SHELL"; id -u; id -gn; id -Gn');
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const [first, uid, group, groups] = result.stdout.split("\n");
    expect(first).toBe("/usr/bin:/bin:/usr/sbin:/sbin /bin/zsh");
    expect([uid, group]).toEqual(["501", "staff"]);
    expect(groups?.split(" ")).toContain("admin");
  });

  it("boots in about a second", async () => {
    const startedAt = Date.now();
    const second = await bootMac();
    const tookMs = Date.now() - startedAt;
    await second.stop();
    console.info(`boot: ${tookMs} ms`);
    expect(tookMs).toBeLessThan(5000);
  });

  it("keeps HOME and PATH and drops TMPDIR under sudo, as macOS's sudoers does", async () => {
    const result = await runOverSsh(
      mac,
      `PATH=/tmp/x:$PATH TMPDIR=/private/tmp/t sudo -n /bin/sh -c 'echo "$HOME|$PATH|\${TMPDIR-none}|$(id -u)"'`,
    );
    expect(result.stdout).toBe("/Users/administrator|/tmp/x:/usr/bin:/bin:/usr/sbin:/sbin|none|0\n");
  });

  it("refuses every write outside the data volume with EPERM, even root's", async () => {
    for (const path of ["/x", "/usr/x", "/System/x"]) {
      const result = await mac.exec(`perl -e 'open F, ">", "${path}" or print $!{EPERM} ? "EPERM" : $!'`);
      expect([path, result.stdout]).toEqual([path, "EPERM"]);
    }
    const binary = await mac.exec(`perl -e 'open F, ">>", "/bin/ls" or print "refused"'`);
    expect(binary.stdout).toBe("refused");
  });

  it("renames between /Users, /opt, /usr/local and /private/var/db, which are one volume", async () => {
    const result = await mac.exec(
      `set -e; mkdir /Users/r; perl -e 'rename $ARGV[$_-1], $ARGV[$_] or die "$ARGV[$_]: $!\\n" for 1..$#ARGV' /Users/r /private/var/db/r /opt/r /usr/local/r /Library/r; rmdir /Library/r`,
    );
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it("has no command that a stock Mac lacks", async () => {
    const names = "setsid timeout flock nproc tac getent ip ss useradd systemctl shuf chattr opam ocamlc wget";
    const result = await mac.exec(`for c in ${names}; do command -v $c; done; :`);
    expect(result).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await mac.exec("setsid true")).code).toBe(127);
  });

  it("compiles and runs a program with the Command Line Tools", async () => {
    const result = await mac.exec(
      `cd /private/tmp && printf '#include <stdio.h>\\nint main(void){return puts("hi")<0;}\\n' >a.c && cc -o a a.c && ./a`,
    );
    expect(result).toEqual({ code: 0, stdout: "hi\n", stderr: "" });
  });

  it("keeps its disk and host key over a reboot and has a new boot session", async () => {
    const probe = "cat /.sim/state/bootsessionuuid; cat /Users/Shared/kept";
    await mac.run("echo kept > /Users/Shared/kept; echo gone > /private/tmp/gone");
    const before = (await mac.run(probe)).split("\n");
    await mac.reboot();
    const after = (await mac.run(probe)).split("\n");
    expect(after[1]).toBe("kept");
    expect(after[0]).not.toBe(before[0]);
    expect((await runOverSsh(mac, "ls /private/tmp")).stdout).toBe("");
  });

  it("reboots when it is told from inside", async () => {
    const oldPid = mac.pid;
    await runOverSsh(mac, "sudo -n shutdown -r now");
    const deadline = Date.now() + 15_000;
    while ((await runOverSsh(mac, "true")).code !== 0 && Date.now() < deadline);
    await mac.refresh();
    expect(mac.pid).not.toBe(oldPid);
  });

  it("gives the same listing twice when nothing happens, and another after any change", async () => {
    const before = await mac.listing();
    expect(await mac.listing()).toBe(before);
    expect(before).toMatch(/^\/Users\/administrator d 0750 501:20 /m);
    await mac.run("chmod 0700 /Users/administrator");
    expect(await mac.listing()).not.toBe(before);
  });
});
