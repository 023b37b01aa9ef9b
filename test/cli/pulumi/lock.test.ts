import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { judgeLock, listLocks, listOrphans, removeLock } from "../../../cli/pulumi/lock.js";
import { findLogin, findProject, findSelectedStack } from "../../../cli/pulumi/project.js";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-locks-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return file;
}

const lockText = (pid: number, hostname: string): string =>
  JSON.stringify({ pid, username: "root", hostname, timestamp: "2026-01-02T03:04:05Z" });
const writeLock = (stack: string, pid: number, hostname = "here"): string =>
  write(`.pulumi/locks/organization/fleet/${stack}/${pid}.json`, lockText(pid, hostname));

describe("locks of the file backend", () => {
  it("are found for one stack or for all of a project, attribute files and foreign files apart", () => {
    writeLock("intel", 10);
    writeLock("arm", 11);
    write(".pulumi/locks/organization/fleet/arm/11.json.attrs", "{}");
    write(".pulumi/locks/organization/fleet/arm/note.json", '"no lock"');
    write(".pulumi/locks/organization/other/arm/1.json", lockText(1, "here"));
    expect(listLocks(folder, "fleet", undefined).map(({ pid }) => pid)).toEqual([11, 10]);
    expect(listLocks(folder, "fleet", "intel")).toMatchObject([{ pid: 10, stack: "intel", username: "root" }]);
    expect(listLocks(path.join(folder, "none"), "fleet", undefined)).toEqual([]);
  });

  it("are dead when their process is gone or is no Pulumi any more, and never judged for another machine", () => {
    writeLock("intel", 10);
    const [lock] = listLocks(folder, "fleet", "intel");
    if (lock === undefined) throw new Error("no lock");
    const judge = (command: string | undefined, hostname = "here"): string =>
      judgeLock(lock, hostname, command === undefined ? [] : [{ pid: 10, ppid: 1, command }]);
    expect(judge("/opt/bin/pulumi up --yes")).toBe("alive");
    expect(judge("pulumi up")).toBe("alive");
    expect(judge(undefined)).toBe("dead");
    expect(judge("/usr/bin/vim pulumi")).toBe("dead");
    expect(judge(undefined, "there")).toBe("unknown");
  });

  it("go with their attributes", () => {
    const file = writeLock("intel", 10);
    write(".pulumi/locks/organization/fleet/intel/10.json.attrs", "{}");
    listLocks(folder, "fleet", "intel").forEach(removeLock);
    expect(fs.readdirSync(path.dirname(file))).toEqual([]);
  });
});

describe("what a killed run leaves behind", () => {
  it("is known by a parent that is no CLI", () => {
    const provider = "node /x/provider/bin/start.mjs 127.0.0.1:1";
    const processes = [
      { pid: 20, ppid: 1, command: "/usr/bin/pulumi up" },
      { pid: 21, ppid: 20, command: provider },
      { pid: 22, ppid: 1, command: provider },
      { pid: 23, ppid: 1, command: "node other" },
    ];
    const orphans = listOrphans(processes, (command) => command.includes("start.mjs"));
    expect(orphans.map(({ pid }) => pid)).toEqual([22]);
  });
});

describe("Pulumi's own files", () => {
  it("tell project, backend, selected stack and login", () => {
    write("a/Pulumi.yaml", "name: fleet\nbackend:\n  url: file:///srv\n");
    write("a/b/c/note", "");
    const project = findProject(path.join(folder, "a/b/c"));
    expect(project).toEqual({ folder: path.join(folder, "a"), name: "fleet", backend: "file:///srv" });
    if (project === undefined) throw new Error("no project");
    write("home/workspaces/fleet-0f-workspace.json", '{"stacks":{"file:///srv":"organization/fleet/intel"}}');
    write("home/credentials.json", '{"current":"https://api.pulumi.com"}');
    const home = path.join(folder, "home");
    expect(findSelectedStack(home, project, "file:///srv")).toBe("intel");
    expect(findSelectedStack(home, project, "file:///other")).toBeUndefined();
    expect(findLogin(home)).toBe("https://api.pulumi.com");
  });

  it("are no trouble when they are absent or broken", () => {
    write("a/Pulumi.yaml", "name: [");
    expect(findProject(path.join(folder, "a"))).toBeUndefined();
    write("home/credentials.json", "{");
    expect(findLogin(path.join(folder, "home"))).toBeUndefined();
    write("home2/credentials.json", '{"current":""}');
    expect(findLogin(path.join(folder, "home2"))).toBeUndefined();
  });
});
