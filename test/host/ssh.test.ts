import { spawn } from "node:child_process";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { ensureBuilt } from "#tools/build.mjs";
import type { HostConfig } from "../../host/config.js";
import { isMacfoundryError, type MacfoundryError } from "../../host/errors.js";
import { wholeScript } from "../../host/scripts.js";
import { SshTransport } from "../../host/ssh.js";
import { countLogins, logSessions } from "../engine/fleet.js";
import { openRelay, type Relay } from "../engine/relay.js";
import { findProcesses, waitFor } from "../engine/scratch-project.js";
import { bootMac, type SimMac } from "../mac/fixture.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
const SH = ["/bin/sh", "-s"];

let mac: SimMac;
const open: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  mac = await bootMac();
}, 300_000);
afterEach(async () => {
  await Promise.all(open.splice(0).map((thing) => thing.close()));
  await mac.clearFault("all");
});
afterAll(() => mac.stop());

function configOf(changes: Partial<HostConfig> = {}): HostConfig {
  const { address, port, user, identityFile: identity, hostKey } = mac;
  return { name: "mac1", address, port, user, identity, hostKey, ...changes };
}

function connect(changes: Partial<HostConfig> = {}): SshTransport {
  const transport = new SshTransport(configOf(changes));
  open.push(transport);
  return transport;
}

async function relayed(): Promise<Relay> {
  const relay = await openRelay(mac);
  open.push(relay);
  return relay;
}

async function failureOf(work: Promise<unknown>): Promise<MacfoundryError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!isMacfoundryError(error)) throw error;
  return error;
}

async function textOf(transport: SshTransport, script: string): Promise<string> {
  return (await transport.run(SH, wholeScript(script))).stdout.toString();
}

describe("a connection to a Mac", () => {
  it("runs words as root, byte for byte, with input and exit status", async () => {
    const words = [
      "/bin/sh",
      "-c",
      'printf "%s|" "$(id -u)" "$@"; cat; exit 7',
      "sh",
      "it's",
      "a  b",
      "$HOME",
      "*",
      "",
      "ü\n",
    ];
    const result = await connect().run(words, Buffer.from([0, 255, 10]));
    expect(result.code).toBe(7);
    expect(result.stdout).toEqual(Buffer.concat([Buffer.from("0|it's|a  b|$HOME|*||ü\n|"), Buffer.from([0, 255, 10])]));
  });

  it("is one for many runs, also for those that begin at the same time", async () => {
    await logSessions(mac);
    const transport = connect();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => textOf(transport, `sleep 0.1; echo ${i}`)));
    expect(answers.map(Number)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(await countLogins(mac)).toEqual({ connections: 1, execs: 20 });
  });

  it("that is cut fails what runs with HOST_UNREACHABLE, and the next run has one new connection", async () => {
    const relay = await relayed();
    const transport = connect({ address: relay.address, port: relay.port });
    expect(await textOf(transport, "echo one")).toBe("one\n");
    const running = Promise.all([1, 2, 3].map(() => failureOf(transport.run(SH, "sleep 20\n"))));
    await sleep(500);
    relay.cut();
    expect((await running).map(({ code }) => code)).toEqual(Array(3).fill("HOST_UNREACHABLE"));
    const answers = await Promise.all([4, 5, 6].map((n) => textOf(transport, `echo ${n}`)));
    expect(answers).toEqual(["4\n", "5\n", "6\n"]);
    expect(relay.connections()).toBe(2);
  });

  it("gives a Mac that rebooted a new connection", async () => {
    const transport = connect();
    expect(await textOf(transport, "echo before")).toBe("before\n");
    await mac.reboot();
    const again = (): Promise<string> => textOf(transport, "echo after");
    expect(await again().catch(again)).toBe("after\n");
  }, 60_000);

  it("leaves no process and no folder behind when it is closed", async () => {
    // A name of its own: other tests on this machine have connections too.
    const transport = connect({ name: `closing-${process.pid}` });
    await textOf(transport, "true");
    const [master] = findProcesses(`HostKeyAlias=macfoundry-closing-${process.pid} `).filter(({ command }) =>
      command.startsWith("ssh "),
    );
    const socket = /ControlPath=(\S+)/.exec(master?.command ?? "")?.[1] ?? "";
    expect(socket).toMatch(/^\/tmp\/mf-\w+\/c$/);
    await transport.close();
    expect(findProcesses(socket)).toEqual([]);
    expect((await failureOf(transport.run(SH, "true"))).code).toBe("CANCELLED");
  });

  it("ends with a controller that was killed with -9", async () => {
    await ensureBuilt();
    const name = `orphan-${process.pid}`;
    const program = `import { SshTransport } from ${JSON.stringify(path.join(ROOT, "dist/host/ssh.js"))};
      const transport = new SshTransport(${JSON.stringify(configOf({ name }))});
      await transport.run(["/bin/sh", "-s"], "true");
      console.log("open"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    const isAlive = (): boolean => findProcesses(`HostKeyAlias=macfoundry-${name} `).length > 0;
    expect(isAlive()).toBe(true);
    child.kill("SIGKILL");
    await waitFor("the connection to end", () => !isAlive(), 5_000);
  });
});

describe("a Mac that does not let us in", () => {
  it("with another host key is HOST_KEY_CHANGED, and nothing is sent to it", async () => {
    await mac.fault("host-key-changed");
    const error = await failureOf(connect().run(SH, "echo x > /Users/Shared/touched\n"));
    expect(error.code).toBe("HOST_KEY_CHANGED");
    expect(error.message).toContain("on mac1");
    expect(error.remedy).toContain("only then put the new key");
    expect((await mac.exec("test -e /Users/Shared/touched")).code).toBe(1);
  });

  it("without a password-less sudo is SUDO_DENIED with the line to type there", async () => {
    await mac.fault("no-sudo");
    const error = await failureOf(connect().run(SH, "true"));
    expect(error.code).toBe("SUDO_DENIED");
    expect(error.why).toContain("a password is required");
    expect(error.remedy).toContain("administrator ALL=(ALL) NOPASSWD: ALL");
  });

  it("a command of ours that fails under sudo is not taken for that", async () => {
    const result = await connect().run(SH, wholeScript("sudo -n -u nobody /opt/missing/bin/ocamlc -version"));
    expect(result.code).toBe(1);
    expect(result.stderr.toString()).toContain("command not found");
  });

  it("that refuses our key is AUTH_DENIED", async () => {
    const error = await failureOf(connect({ user: "nobody" }).run(SH, "true"));
    expect(error.code).toBe("AUTH_DENIED");
    const missing = await failureOf(connect({ identity: "/nonexistent/key" }).run(SH, "true"));
    expect(missing.code).toBe("AUTH_DENIED");
  });

  it("that is not there is HOST_UNREACHABLE within seconds", async () => {
    const begin = Date.now();
    const dead = await failureOf(connect({ address: "127.77.255.1" }).run(SH, "true"));
    expect(dead.code).toBe("HOST_UNREACHABLE");
    expect(dead.why).toMatch(/no connection to administrator@127\.77\.255\.1 port 22022: .*refused/i);
    const unknown = await failureOf(connect({ address: "no-such-mac.invalid" }).run(SH, "true"));
    expect(unknown.code).toBe("HOST_UNREACHABLE");
    expect(Date.now() - begin).toBeLessThan(10_000);
  });

  it("that takes connections and never answers is HOST_UNREACHABLE after the connect timeout", async () => {
    const net = await import("node:net");
    const silent = net.createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.77.0.2", resolve));
    const { port } = silent.address() as { port: number };
    const error = await failureOf(connect({ address: "127.77.0.2", port }).run(SH, "true"));
    expect(error.code).toBe("HOST_UNREACHABLE");
    expect(error.why).toMatch(/timed out/);
    silent.close();
  }, 40_000);
});

describe("a run that shall end", () => {
  it("after its time is COMMAND_TIMED_OUT, and the connection stays", async () => {
    await logSessions(mac);
    const transport = connect();
    const error = await failureOf(transport.run(SH, "sleep 30\n", { timeoutMs: 800 }));
    expect(error.code).toBe("COMMAND_TIMED_OUT");
    expect(await textOf(transport, "echo still")).toBe("still\n");
    expect((await countLogins(mac)).connections).toBe(1);
  });

  it("by the person's wish is CANCELLED at once", async () => {
    const abort = new AbortController();
    const run = failureOf(connect().run(SH, "sleep 30\n", { signal: abort.signal }));
    setTimeout(() => abort.abort(), 700);
    const begin = Date.now();
    expect((await run).code).toBe("CANCELLED");
    expect(Date.now() - begin).toBeLessThan(5_000);
  });
});

describe("secrets and half scripts", () => {
  it("a secret on standard input is never in an argument list, here or there, nor in the error", async () => {
    const secret = `planted-${Math.random().toString(36).slice(2)}`;
    const transport = connect();
    const run = failureOf(transport.run(SH, wholeScript(`secret=${secret}; sleep 2; exit 255`)));
    const seen: string[] = [];
    for (let i = 0; i < 8; i += 1) {
      await sleep(150);
      seen.push(await mac.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '"));
      expect(findProcesses(secret)).toEqual([]);
    }
    expect(seen.some((text) => text.includes("sleep 2"))).toBe(true);
    expect(seen.join("")).not.toContain(secret);
    expect((await run).message).not.toContain(secret);
  });

  it("a script that was cut on its way does nothing at all, wherever it was cut", async () => {
    await mac.run("mkdir -p /Users/Shared/keep/part");
    const script = wholeScript("rm -rf /Users/Shared/keep/part /Users/Shared/keep\n");
    const transport = connect();
    const from = script.indexOf("rm ");
    for (let end = from; end < script.length - 2; end += 7) {
      const result = await transport.run(SH, script.slice(0, end));
      expect(result.code).not.toBe(0);
    }
    expect(await mac.run("ls /Users/Shared/keep")).toBe("part\n");
    expect((await transport.run(SH, script)).code).toBe(0);
    expect((await mac.exec("test -e /Users/Shared/keep")).code).toBe(1);
  });
});
