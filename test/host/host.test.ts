import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { isMacfoundryError } from "../../host/errors.js";
import { Host, STATE_DIR } from "../../host/host.js";
import { listManagedScript, removeManagedScript, writeManagedScript } from "../../host/managed.js";
import { SshTransport } from "../../host/ssh.js";
import { findProcesses } from "../engine/scratch-project.js";
import { bootMac, type SimMac } from "../mac/fixture.js";

let mac: SimMac;
const open: Host[] = [];
beforeAll(async () => {
  mac = await bootMac();
}, 300_000);
afterEach(async () => {
  await Promise.all(open.splice(0).map((host) => host.close()));
  await mac.clearFault("all");
});
afterAll(() => mac.stop());

/** A controller of its own: another run of macfoundry on the same Mac. */
function controller(): Host {
  const { address, port, user, identityFile: identity, hostKey } = mac;
  const config = { name: "mac1", address, port, user, identity, hostKey };
  const host = new Host(config, new SshTransport(config));
  open.push(host);
  return host;
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => (isMacfoundryError(error) ? error.code : String(error)),
  );

describe("changes of a Mac", () => {
  it("run one after the other, in the order in which they were asked for", async () => {
    const host = controller();
    const file = "/Users/Shared/order";
    const script = (n: number): string => `echo begin ${n} >>${file}; sleep 0.2; echo end ${n} >>${file}\n`;
    await Promise.all([1, 2, 3].map((n) => host.change(`change ${n}`, script(n))));
    expect(await host.read(`cat ${file}`)).toBe("begin 1\nend 1\nbegin 2\nend 2\nbegin 3\nend 3\n");
  });

  it("of two controllers never run at the same time", async () => {
    const [first, second] = [controller(), controller()];
    const file = "/Users/Shared/two";
    const slow = first.change("slow", `echo one >>${file}; sleep 1.5; echo one >>${file}\n`);
    await sleep(600);
    await second.change("quick", `echo two >>${file}\n`);
    await slow;
    expect(await mac.run(`cat ${file}`)).toBe("one\none\ntwo\n");
  });

  it("of a controller that another has taken over from are SUPERSEDED and do nothing", async () => {
    const [first, second] = [controller(), controller()];
    await first.change("first", "true");
    await second.change("second", "true");
    expect(await codeOf(first.change("late", "touch /Users/Shared/late"))).toBe("SUPERSEDED");
    expect((await mac.exec("test -e /Users/Shared/late")).code).toBe(1);
    expect(await codeOf(second.change("again", "true"))).toBe("none");
    expect(await first.read("echo may still look")).toBe("may still look\n");
  });

  it("hold the lock until their script has ended, also when their connection is gone", async () => {
    const [first, second] = [controller(), controller()];
    const file = "/Users/Shared/lost";
    const lost = codeOf(first.change("lost", `sleep 2; echo first >>${file}\n`));
    await sleep(1000);
    for (const { pid, command } of findProcesses("HostKeyAlias=macfoundry-mac1"))
      if (command.startsWith("ssh ") && command.includes(mac.address)) process.kill(pid, "SIGKILL");
    expect(await lost).toBe("HOST_UNREACHABLE");
    await second.change("next", `echo second >>${file}\n`);
    expect(await mac.run(`cat ${file}`)).toBe("first\nsecond\n");
  });

  it("leave the lock to what they have started and closed it for", async () => {
    const host = controller();
    await host.change("start", "(sleep 60 9>&- >/dev/null 2>&1 </dev/null &)");
    const begin = Date.now();
    await controller().change("next", "true");
    expect(Date.now() - begin).toBeLessThan(5_000);
    await mac.run("pkill -f 'sleep 60' || :");
  });

  it("that fail tell the script's last lines; a full disk has a code of its own", async () => {
    const host = controller();
    const failure = await host.change("thing", "echo reason >&2; exit 3").catch((error: unknown) => error);
    expect(isMacfoundryError(failure, "COMMAND_FAILED") && failure.message).toContain(
      "COMMAND_FAILED on mac1: thing: exit status 3: reason\nNext: ",
    );
    await mac.fault("disk-full");
    expect(await codeOf(host.change("big", "head -c 9000000 /dev/zero >/Users/Shared/big"))).toBe("STORE_FULL");
  });

  it("take data on standard input as it is", async () => {
    const host = controller();
    const data = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 256));
    await host.send("data", ["/bin/sh", "-c", "cat >/Users/Shared/data"], data);
    expect(
      await host.read("shasum -a 256 </Users/Shared/data | cut -c1-8; wc -c </Users/Shared/data | tr -d ' '"),
    ).toBe(`${(await import("node:crypto")).createHash("sha256").update(data).digest("hex").slice(0, 8)}\n70000\n`);
  });

  it("keep what macfoundry knows where only root writes", async () => {
    await controller().change("record", "true");
    expect(await mac.run(`stat -f '%Su %Lp' ${STATE_DIR} ${STATE_DIR}/controller`)).toBe("root 755\nroot 644\n");
  });
});

describe("records of what macfoundry made", () => {
  it("are listed with their lines, replaced whole, and removed", async () => {
    const host = controller();
    await host.change("write", writeManagedScript("things", "a", "x=1 'y'") + writeManagedScript("things", "b", "2"));
    await host.change("write", writeManagedScript("things", "b", "3"));
    expect(await host.read(listManagedScript("things", "thing "))).toBe("thing a=x=1 'y'\nthing b=3\n");
    await host.change("remove", removeManagedScript("things", "a") + removeManagedScript("things", "a"));
    expect(await host.read(listManagedScript("things", "thing "))).toBe("thing b=3\n");
    expect(await host.read(listManagedScript("nothing", "thing "))).toBe("");
  });
});
