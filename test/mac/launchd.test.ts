import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "./fixture.js";

interface JobOptions {
  keys?: string;
  script?: string;
}

/** A plist for `/bin/sh -c script`, root's and 0644, under /Library/LaunchDaemons; gives its path. */
async function writeJob(mac: SimMac, label: string, { keys = "", script = "exec sleep 1000" }: JobOptions = {}) {
  const path = `/Library/LaunchDaemons/${label}.plist`;
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>Label</key><string>${label}</string><key>ProgramArguments</key><array>
<string>/bin/sh</string><string>-c</string><string>${script.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</string>
</array>${keys}</dict></plist>\n`;
  await mac.run(`cat >${path}; chmod 0644 ${path}`, { input: text });
  return path;
}

const RUN_AT_LOAD = "<key>RunAtLoad</key><true/>";
const KEEP_ALIVE = "<key>KeepAlive</key><true/>";

/** One line with exactly one leading tab of `launchctl print`, as macfoundry reads it. */
async function readField(mac: SimMac, label: string, field: string): Promise<string | undefined> {
  const result = await mac.exec(`launchctl print system/${label}`);
  return new RegExp(`^\\t${field} = (.*)$`, "m").exec(result.stdout)?.[1];
}

async function waitFor(question: () => Promise<boolean>): Promise<boolean> {
  for (let attempt = 0; attempt < 60; attempt++) {
    if (await question()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

describe("launchd", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac();
  }, 300_000);
  afterAll(() => mac.stop());

  it("runs a bootstrapped job with launchd's environment, as root in /", async () => {
    const keys = `${RUN_AT_LOAD}<key>StandardOutPath</key><string>/private/tmp/env.log</string>`;
    const path = await writeJob(mac, "org.example.env", { keys, script: "env | sort; pwd; id -u; umask; ulimit -n" });
    expect(await mac.exec(`launchctl bootstrap system ${path}`)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await waitFor(async () => (await readField(mac, "org.example.env", "state")) === "not running")).toBe(true);
    const lines = (await mac.run("cat /private/tmp/env.log")).split("\n");
    expect(lines).toContain("PATH=/usr/bin:/bin:/usr/sbin:/sbin");
    expect(lines).toContain("XPC_SERVICE_NAME=org.example.env");
    expect(lines.some((line) => line.startsWith("HOME="))).toBe(false);
    expect(lines.slice(-5, -1)).toEqual(["/", "0", "0022", "256"]);
    expect(await readField(mac, "org.example.env", "last exit code")).toBe("0");
  });

  it("runs a job as its user, with groups, folder, environment, umask and limits of the plist", async () => {
    const keys = `${RUN_AT_LOAD}<key>UserName</key><string>administrator</string>
<key>WorkingDirectory</key><string>/Users/Shared</string><key>Umask</key><integer>63</integer>
<key>EnvironmentVariables</key><dict><key>A</key><string>b c</string></dict>
<key>SoftResourceLimits</key><dict><key>NumberOfFiles</key><integer>4096</integer></dict>
<key>StandardOutPath</key><string>/Users/Shared/user.log</string>`;
    const path = await writeJob(mac, "org.example.user", {
      keys,
      script: 'id -un; id -Gn; pwd; echo "$A"; umask; ulimit -n',
    });
    await mac.run(`launchctl bootstrap system ${path}`);
    expect(await waitFor(async () => (await readField(mac, "org.example.user", "state")) === "not running")).toBe(true);
    const [user, groups, cwd, a, umask, files] = (await mac.run("cat /Users/Shared/user.log")).split("\n");
    expect([user, cwd, a, umask, files]).toEqual(["administrator", "/Users/Shared", "b c", "0077", "4096"]);
    expect(groups?.split(" ")).toEqual(expect.arrayContaining(["staff", "admin"]));
    expect(await mac.run("perl -e 'print join q( ), (stat shift)[4, 5]' /Users/Shared/user.log")).toBe("501 20");
  });

  it("keeps a job alive, and waits ThrottleInterval after a run that was shorter", async () => {
    const keys = `${RUN_AT_LOAD}${KEEP_ALIVE}<key>ThrottleInterval</key><integer>1</integer>`;
    const path = await writeJob(mac, "org.example.alive", { keys, script: "echo x >>/private/tmp/runs; exit 3" });
    await mac.run(`launchctl bootstrap system ${path}`);
    expect(await waitFor(async () => (await readField(mac, "org.example.alive", "state")) === "spawn scheduled")).toBe(
      true,
    );
    expect(await readField(mac, "org.example.alive", "last exit code")).toBe("3");
    expect(await waitFor(async () => Number(await mac.run("grep -c x /private/tmp/runs")) >= 2)).toBe(true);
    expect(await mac.exec("launchctl bootout system/org.example.alive")).toMatchObject({ code: 0 });
    expect((await mac.exec("launchctl print system/org.example.alive")).code).toBe(113);
  });

  it("starts a kept-alive job again when its process is killed", async () => {
    const keys = `${RUN_AT_LOAD}${KEEP_ALIVE}<key>ThrottleInterval</key><integer>0</integer>`;
    await mac.run(`launchctl bootstrap system ${await writeJob(mac, "org.example.killed", { keys })}`);
    const first = await readField(mac, "org.example.killed", "pid");
    await mac.run(`kill -9 ${first}`);
    expect(await waitFor(async () => (await readField(mac, "org.example.killed", "runs")) === "2")).toBe(true);
    expect(await readField(mac, "org.example.killed", "pid")).not.toBe(first);
  });

  it("boots a job out at once when it ends on SIGTERM, with 36 when it takes longer, and kills it after ExitTimeOut", async () => {
    const keys = `${RUN_AT_LOAD}<key>ExitTimeOut</key><integer>4</integer>`;
    const script = "trap '' TERM; while :; do sleep 0.1; done";
    await mac.run(`launchctl bootstrap system ${await writeJob(mac, "org.example.slow", { keys, script })}`);
    const pid = await readField(mac, "org.example.slow", "pid");
    await new Promise((resolve) => setTimeout(resolve, 200)); // the trap must stand
    expect(await mac.exec("launchctl bootout system/org.example.slow")).toEqual({
      code: 36,
      stdout: "",
      stderr: "Boot-out failed: 36: Operation now in progress\n",
    });
    expect(await readField(mac, "org.example.slow", "state")).toBe("SIGTERMed");
    expect(await waitFor(async () => (await mac.exec("launchctl print system/org.example.slow")).code === 113)).toBe(
      true,
    );
    expect((await mac.exec(`kill -0 ${pid}`)).code).not.toBe(0);
    expect(await mac.exec("launchctl bootout system/org.example.slow")).toEqual({
      code: 3,
      stdout: "",
      stderr: "Boot-out failed: 3: No such process\n",
    });
  });

  it("kills what is left of a job's process group, unless the plist abandons it", async () => {
    for (const [label, keys, survives] of [
      ["org.example.group", RUN_AT_LOAD, false],
      ["org.example.abandon", `${RUN_AT_LOAD}<key>AbandonProcessGroup</key><true/>`, true],
    ] as const) {
      const script = `sleep 777 & echo $! >/private/tmp/${label}.pid; exit 0`;
      await mac.run(`launchctl bootstrap system ${await writeJob(mac, label, { keys, script })}`);
      await waitFor(async () => (await readField(mac, label, "last exit code")) === "0");
      const isAlive = (await mac.exec(`sleep 0.1; kill -0 $(cat /private/tmp/${label}.pid)`)).code === 0;
      expect([label, isAlive]).toEqual([label, survives]);
    }
  });

  it("refuses what macOS refuses, with its codes and texts", async () => {
    const path = await writeJob(mac, "org.example.refused");
    const expectFailure = async (command: string, code: number, stderr: string) =>
      expect([command, await mac.exec(command)]).toEqual([command, { code, stdout: "", stderr }]);
    await mac.run(`launchctl bootstrap system ${path}`);
    await expectFailure(
      `launchctl bootstrap system ${path}`,
      37,
      "Bootstrap failed: 37: Operation already in progress\n",
    );
    await mac.run("launchctl bootout system/org.example.refused; launchctl disable system/org.example.refused");
    await expectFailure(`launchctl bootstrap system ${path}`, 119, "Bootstrap failed: 119: Service is disabled\n");
    await mac.run(`launchctl enable system/org.example.refused; chmod 0666 ${path}`);
    await expectFailure(
      `launchctl bootstrap system ${path}`,
      122,
      "Bootstrap failed: 122: Path had bad ownership/permissions\n",
    );
    await expectFailure(
      "launchctl bootstrap system /Library/LaunchDaemons/none.plist",
      5,
      "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.\n",
    );
    await expectFailure(
      "launchctl print system/org.example.missing",
      113,
      'Bad request.\nCould not find service "org.example.missing" in domain for system\n',
    );
  });

  it("ends a job that cannot be set up with 78", async () => {
    const keys = `${RUN_AT_LOAD}<key>WorkingDirectory</key><string>/nowhere</string>`;
    await mac.run(`launchctl bootstrap system ${await writeJob(mac, "org.example.config", { keys })}`);
    expect(
      await waitFor(async () => (await readField(mac, "org.example.config", "last exit code")) === "78: EX_CONFIG"),
    ).toBe(true);
  });

  it("restarts a job with kickstart -k and prints its pid with -p", async () => {
    await mac.run(`launchctl bootstrap system ${await writeJob(mac, "org.example.kick", { keys: RUN_AT_LOAD })}`);
    const first = await readField(mac, "org.example.kick", "pid");
    const result = await mac.exec("launchctl kickstart -kp system/org.example.kick");
    expect(result.code).toBe(0);
    expect(result.stdout).toMatch(/^\d+\n$/);
    expect(result.stdout.trim()).not.toBe(first);
    expect(await readField(mac, "org.example.kick", "pid")).toBe(result.stdout.trim());
    const list = await mac.run("launchctl list");
    expect(list).toContain(`${result.stdout.trim()}\t-15\torg.example.kick\n`);
  });

  it("starts daemons of /Library/LaunchDaemons at boot, except disabled ones", async () => {
    await writeJob(mac, "org.example.atboot", { keys: RUN_AT_LOAD });
    await writeJob(mac, "org.example.off", { keys: RUN_AT_LOAD });
    await mac.run("launchctl disable system/org.example.off");
    await mac.reboot();
    expect(await readField(mac, "org.example.atboot", "state")).toBe("running");
    expect((await mac.exec("launchctl print system/org.example.off")).code).toBe(113);
    expect(await mac.run("launchctl print-disabled system")).toContain('\t\t"org.example.off" => disabled\n');
  });

  it("loads and unloads by the old verbs, which answer 0 whatever happens, and -w is remembered", async () => {
    const path = await writeJob(mac, "org.example.old", { keys: RUN_AT_LOAD });
    expect(await mac.exec(`launchctl load -w ${path}`)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await readField(mac, "org.example.old", "state")).toBe("running");
    expect(await mac.exec(`launchctl unload -w ${path}`)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await waitFor(async () => (await mac.exec("launchctl print system/org.example.old")).code === 113)).toBe(
      true,
    );
    expect(await mac.run("launchctl print-disabled system")).toContain('"org.example.old" => disabled');
    expect(await mac.exec(`launchctl unload -w ${path}`)).toEqual({
      code: 0,
      stdout: "",
      stderr: "Unload failed: 5: Input/output error\nTry running `launchctl bootout` as root for richer errors.\n",
    });
  });

  it("keeps a job alive only after failures when the plist says so", async () => {
    const keys = `${RUN_AT_LOAD}<key>ThrottleInterval</key><integer>0</integer>
<key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>`;
    const script = "echo x >>/private/tmp/tries; [ $(grep -c x /private/tmp/tries) -ge 3 ]";
    await mac.run(`launchctl bootstrap system ${await writeJob(mac, "org.example.tries", { keys, script })}`);
    expect(await waitFor(async () => (await readField(mac, "org.example.tries", "last exit code")) === "0")).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await readField(mac, "org.example.tries", "runs")).toBe("3");
  });

  it("lets nobody but root change the system domain", async () => {
    const result = await mac.exec("sudo -n -u administrator launchctl bootout system/com.openssh.sshd");
    expect(result.code).not.toBe(0);
    expect(await readField(mac, "com.openssh.sshd", "state")).toBe("running");
  });
});
