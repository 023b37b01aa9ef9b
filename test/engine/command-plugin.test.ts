import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as path from "node:path";
import { bootMac, type SimMac } from "../mac/fixture.js";
import { findProcesses, makeScratchProject, waitFor, type ScratchProject } from "./scratch-project.js";

// Whichever command plugin set-up has put there, Pulumi's own or our stand-in, has to pass.
let project: ScratchProject;
beforeEach(async () => {
  project = await makeScratchProject("command");
}, 120_000);
afterEach(() => project.remove());

const note = (name: string): string => path.join(project.folder, name);
const readNote = (name: string): string => fs.readFileSync(note(name), "utf8");

async function up(env?: Record<string, string | undefined>): Promise<string> {
  const run = await project.pulumi(["up"], env);
  if (run.code !== 0) throw new Error(run.text);
  return run.text;
}

async function readOutput(name: string): Promise<string> {
  const run = await project.pulumi(["stack", "output", name, "--show-secrets"]);
  return run.text.replace(/\n$/, "");
}

describe("command:local:Command", () => {
  it("is created, left alone, replaced by a trigger, updated with its last output at hand, and deleted", async () => {
    project.writeProgram(`
      import * as command from "@pulumi/command";
      const c = new command.local.Command("c", {
        create: process.env.CREATE,
        update: 'echo "updated after <$PULUMI_COMMAND_STDOUT>" | tee -a $NOTE',
        delete: "echo deleted >> $NOTE",
        environment: { NOTE: ${JSON.stringify(note("log"))} },
        triggers: [process.env.TRIGGER],
      });
      export const out = c.stdout;`);
    const create = "echo created | tee -a $NOTE";
    expect(await up({ CREATE: create, TRIGGER: "1" })).toContain("2 created");
    expect(await readOutput("out")).toBe("created");
    expect(await up({ CREATE: create, TRIGGER: "1" })).toContain("2 unchanged");
    expect(readNote("log")).toBe("created\n");

    expect(await up({ CREATE: create, TRIGGER: "2" })).toContain("1 replaced");
    expect(readNote("log")).toBe("created\ncreated\ndeleted\n");

    expect(await up({ CREATE: `${create} `, TRIGGER: "2" })).toContain("1 updated");
    expect(await readOutput("out")).toBe("updated after <created>");

    expect((await project.pulumi(["destroy"])).code).toBe(0);
    expect(readNote("log")).toBe("created\ncreated\ndeleted\nupdated after <created>\ndeleted\n");
  }, 240_000);

  it("shows why it failed in the words of the real plugin, and is tried again", async () => {
    project.writeProgram(`
      import * as command from "@pulumi/command";
      new command.local.Command("c", { create: "echo to stdout; echo to stderr >&2; test -e ${note("ready")} || exit 7" });`);
    const failed = await project.pulumi(["up"]);
    expect(failed.code).not.toBe(0);
    expect(failed.text).toContain(`exit status 7: running "echo to stdout; echo to stderr >&2; test -e`);
    expect(failed.text).toMatch(/to stdout\s+to stderr/);
    fs.writeFileSync(note("ready"), "");
    expect(await up()).toContain("1 created");
  }, 240_000);

  it("does nothing in a preview", async () => {
    project.writeProgram(`
      import * as command from "@pulumi/command";
      new command.local.Command("c", { create: "touch ${note("done")}" });`);
    expect((await project.pulumi(["preview"])).code).toBe(0);
    expect(fs.existsSync(note("done"))).toBe(false);
  }, 240_000);

  it("keeps a secret out of state and log, its outputs too", async () => {
    project.writeProgram(`
      import * as pulumi from "@pulumi/pulumi";
      import * as command from "@pulumi/command";
      const c = new command.local.Command("c", { create: "cat", stdin: pulumi.secret("planted-5e4c") });
      export const out = c.stdout;`);
    const text = await up();
    expect(text).not.toContain("planted-5e4c");
    expect(project.readState()).not.toContain("planted-5e4c");
    expect(await readOutput("out")).toBe("planted-5e4c");
  }, 240_000);

  it("ends with all it has started when the run is interrupted", async () => {
    // Its length names it: other clones may test at the same time.
    const sleep = `sleep 301.${process.pid}`;
    project.writeProgram(`
      import * as command from "@pulumi/command";
      new command.local.Command("c", { create: "(${sleep}) & wait" });`);
    const run = project.start(["up"]);
    await waitFor("the command to run", () => findProcesses(sleep).length > 0, 120_000);
    run.child.kill("SIGINT");
    expect((await run.done).code).not.toBe(0);
    await waitFor("all its processes to end", () => findProcesses(sleep).length === 0);
  }, 240_000);
});

describe("on a Mac", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac({ profile: "intel-14" });
  }, 240_000);
  afterAll(() => mac.stop());

  const connection = (more: Record<string, unknown> = {}): string =>
    JSON.stringify({
      host: mac.address,
      port: mac.port,
      user: mac.user,
      privateKey: fs.readFileSync(mac.identityFile, "utf8"),
      hostKey: mac.hostKey,
      dialErrorLimit: 1,
      ...more,
    });
  const writeRemote = (inputs: string, more: Record<string, unknown> = {}): void =>
    project.writeProgram(`
      import * as pulumi from "@pulumi/pulumi";
      import * as command from "@pulumi/command";
      const connection = ${connection(more)};
      const c = new command.remote.Command("c", { connection, ${inputs} });
      export const out = c.stdout;`);

  it("runs commands of several lines, with quotes and letters beyond ASCII, and reads stdin", async () => {
    const script = `id -un\nprintf '%s|' "a'b" 'c"d' "\\$HOME" 50% 'ü€' '#x' 'back\\\\slash'\ncat`;
    writeRemote(`create: ${JSON.stringify(script)}, stdin: "from stdin", delete: "touch /tmp/deleted"`);
    await up();
    expect(await readOutput("out")).toBe(`administrator\na'b|c"d|$HOME|50%|ü€|#x|back\\\\slash|from stdin`);
    expect(await up()).toContain("2 unchanged");
    expect((await project.pulumi(["destroy"])).code).toBe(0);
    expect((await mac.exec("ls /tmp/deleted")).code).toBe(0);
  }, 240_000);

  it("keeps key and secret command out of state, log and every process's arguments", async () => {
    const planted = `planted-${process.pid}-77aa`;
    writeRemote(`create: pulumi.secret(": ${planted}; sleep 4; exit 4")`);
    const run = project.start(["up"]);
    // The simulated Mac's processes are seen from here: there, its login shell has the command, as with any ssh.
    await waitFor("the command to run", () => findProcesses(planted).length > 0, 120_000);
    expect(findProcesses(planted).filter(({ command }) => !command.includes("zsh -c"))).toEqual([]);
    const { text, code } = await run.done;
    expect(code).not.toBe(0);
    expect(text).toContain("Process exited with status 4");
    expect(text).not.toContain(planted);
    expect(project.readState()).not.toContain(planted);
    expect(project.readState()).not.toContain("PRIVATE KEY");
  }, 240_000);

  it("refuses a Mac with another host key before anything runs there", async () => {
    writeRemote(`create: "touch /tmp/never"`, { hostKey: `ssh-ed25519 ${"A".repeat(68)}` });
    const run = await project.pulumi(["up"]);
    expect(run.code).not.toBe(0);
    expect(run.text).toContain("ssh: host key mismatch");
    expect((await mac.exec("test -e /tmp/never")).code).toBe(1);
  }, 240_000);

  it("says when it may not log in, and when nobody listens", async () => {
    writeRemote(`create: "true"`, { user: "nobody-here" });
    const refused = await project.pulumi(["up"]);
    expect(refused.text).toContain("ssh: unable to authenticate");
    writeRemote(`create: "true"`, { port: 22999 });
    const silent = await project.pulumi(["up"]);
    expect(silent.code).not.toBe(0);
    expect(silent.text).toMatch(/dial tcp 127\.77\.\d+\.1:22999: .*[Cc]onnection refused/);
  }, 240_000);

  it("copies a text, a file and a folder", async () => {
    fs.mkdirSync(note("tree/sub"), { recursive: true });
    fs.writeFileSync(note("tree/sub/leaf"), "leaf");
    fs.writeFileSync(note("file"), Buffer.from([0, 255, 10, 13]));
    project.writeProgram(`
      import * as pulumi from "@pulumi/pulumi";
      import * as command from "@pulumi/command";
      const connection = ${connection()};
      const copy = (name, source, remotePath) => new command.remote.CopyToRemote(name, { connection, source, remotePath });
      copy("text", new pulumi.asset.StringAsset("it's"), "/tmp/a text");
      copy("file", new pulumi.asset.FileAsset(${JSON.stringify(note("file"))}), "/tmp/copied");
      copy("tree", new pulumi.asset.FileArchive(${JSON.stringify(note("tree"))}), "/tmp/trees");`);
    await up();
    const seen = await mac.run("cat '/tmp/a text'; od -An -tx1 /tmp/copied; cat /tmp/trees/tree/sub/leaf");
    expect(seen.replace(/\s+/g, " ")).toBe("it's 00 ff 0a 0d leaf");
    expect(await up()).toContain("4 unchanged");
    fs.writeFileSync(note("file"), "new");
    expect(await up()).toContain("1 updated");
    expect(await mac.run("cat /tmp/copied")).toBe("new");
  }, 240_000);
});
