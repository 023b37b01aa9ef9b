import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { findProcesses, makeScratchProject, waitFor, type ScratchProject } from "./scratch-project.js";

const ROOT = path.resolve(import.meta.dirname, "../..");

let project: ScratchProject;
beforeEach(async () => {
  project = await makeScratchProject("wrapper");
}, 120_000);
afterEach(() => project.remove());

/** Two commands that do not depend on each other; `MARK` makes the process findable. */
const program = (first: string, second: string): string => `
  import * as command from "@pulumi/command";
  new command.local.Command("first", { create: ${JSON.stringify(first)} });
  new command.local.Command("second", { create: ${JSON.stringify(second)} });`;

function readParent(pid: number): number {
  return Number(spawnSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" }).stdout);
}

const locks = (): string[] => {
  const folder = path.join(project.stateFolder, ".pulumi/locks/organization/wrapper/dev");
  return fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
};

/** An `up` in the middle of a command that would take minutes. */
async function startUntilItWaits(name: string) {
  const mark = `macfoundry-mark-${process.pid}-${name}`;
  project.writeProgram(program(`sleep 300 # ${mark}`, "true"));
  const run = project.start(["up"]);
  const isThere = () => findProcesses(mark).some(({ command }) => command.includes("sleep 300 #"));
  await waitFor("the command to run", isThere, 120_000);
  return { mark, run };
}

describe("macfoundry pulumi", () => {
  it("finishes what it can when one resource fails, and answers Pulumi's exit code", async () => {
    const done = path.join(project.folder, "done");
    project.writeProgram(program("exit 3", `sleep 1; echo x > ${done}`));
    const failed = await project.pulumi(["up"]);
    expect(failed.code).not.toBe(0);
    expect(failed.text).toContain("exit status 3");
    expect(fs.readFileSync(done, "utf8")).toBe("x\n");
    const drift = await project.pulumi(["preview", "--expect-no-changes"]);
    expect(drift.code).toBe(7);
    project.writeProgram(program("true", `sleep 1; echo x > ${done}`));
    expect((await project.pulumi(["up"])).code).toBe(0);
    expect((await project.pulumi(["preview", "--expect-no-changes"])).code).toBe(0);
  }, 240_000);

  it("clears the lock of a run that was killed with -9 and goes on; what that run started has ended", async () => {
    const { mark, run } = await startUntilItWaits("killed");
    const [lock] = locks();
    if (lock === undefined) throw new Error("no lock");
    const file = path.join(project.stateFolder, ".pulumi/locks/organization/wrapper/dev", lock);
    const { pid } = JSON.parse(fs.readFileSync(file, "utf8")) as { pid: number };
    const [languageHost] = findProcesses("pulumi-language-nodejs").filter((found) => readParent(found.pid) === pid);
    if (languageHost === undefined) throw new Error("no language host");
    process.kill(pid, "SIGKILL");
    expect((await run.done).code).toBe(137);
    expect(locks()).toEqual([lock]);
    project.writeProgram(program("true", "true"));
    const next = await project.pulumi(["up"]);
    expect(next.text).toContain("removed the lock that a killed run left on stack dev");
    expect(next.code).toBe(0);
    expect(locks()).toEqual([]);
    // Pulumi would warn of the interrupted create for ever.
    expect(next.text).toContain("interrupted while creating");
    expect(next.text).toContain("removed its notes from the stack's state");
    const third = await project.pulumi(["up"]);
    expect(third.text).not.toContain("interrupted while creating");
    expect(third.text).toContain("3 unchanged");
    await waitFor("the killed run's command to end", () => findProcesses(mark).length === 0);
    await waitFor(
      "its language host to end",
      () => !findProcesses("pulumi-language-nodejs").some((found) => found.pid === languageHost.pid),
    );
  }, 240_000);

  it("waits until the provider of the killed run is gone before it starts another", async () => {
    project.writeProgram(program("true", "true"));
    const folder = path.join(project.stateFolder, ".pulumi/locks/organization/wrapper/dev");
    fs.mkdirSync(folder, { recursive: true });
    const lock = { pid: 4_000_000, username: "root", hostname: os.hostname(), timestamp: "2026-01-01T00:00:00Z" };
    fs.writeFileSync(path.join(folder, "dead.json"), JSON.stringify(lock));
    // An orphan that looks like one of ours and ends after some seconds; the shell that starts it goes at once.
    const orphan = path.join(ROOT, "provider/bin/start.mjs");
    const script = `setTimeout(() => {}, 4000)`;
    spawnSync("/bin/sh", ["-c", `"$0" -e "$1" "$2" >/dev/null 2>&1 &`, process.execPath, script, orphan]);
    const run = await project.pulumi(["up"]);
    expect(run.text).toMatch(/waiting for the provider of the killed run to end \(process \d+\)/);
    expect(run.text).toContain("removed the lock");
    expect(run.code).toBe(0);
  }, 240_000);

  it("names the holder of a lock that is in use and touches nothing", async () => {
    const { mark, run } = await startUntilItWaits("held");
    const before = locks();
    const second = await project.pulumi(["up", "-s", "dev"]);
    expect(second.code).toBe(1);
    expect(second.text).toMatch(/stack dev: another run is at work on it: \S+@\S+, process \d+, since 20/);
    expect(locks()).toEqual(before);
    // The interruption reaches Pulumi, Pulumi tells the plugin, and the command ends.
    run.child.kill("SIGINT");
    const ended = await run.done;
    expect(ended.code).not.toBe(0);
    await waitFor("the command to end", () => findProcesses(mark).length === 0);
    expect(locks()).toEqual([]);
  }, 240_000);

  it("explains the passphrase when there is none and Pulumi has failed for it", async () => {
    project.writeProgram(program("true", "true"));
    const run = await project.pulumi(["preview"], { PULUMI_CONFIG_PASSPHRASE: undefined });
    expect(run.code).not.toBe(0);
    expect(run.text).toContain("passphrase must be set");
    expect(run.text).toMatch(/macfoundry: .*set PULUMI_CONFIG_PASSPHRASE_FILE to a file \(mode 0600\)/);
  }, 240_000);

  it("says what to do when there is no Pulumi", async () => {
    const bin = path.join(project.folder, "bin");
    fs.mkdirSync(bin);
    fs.symlinkSync(process.execPath, path.join(bin, "node"));
    const run = await project.pulumi(["version"], { XDG_CACHE_HOME: path.join(project.folder, "cache"), PATH: bin });
    expect(run.code).toBe(1);
    expect(run.text).toMatch(/run `npm run setup`/);
  });
});
