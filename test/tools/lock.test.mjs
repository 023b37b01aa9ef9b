import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { takeLock, withLock } from "../../tools/lib/lock.mjs";
import { getProcessStart } from "../../tools/lib/process.mjs";

let folder;
let file;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-lock-"));
  file = path.join(folder, "lock");
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("withLock", () => {
  it("lets one in at a time and leaves nothing behind", async () => {
    let inside = 0;
    let most = 0;
    const visit = () =>
      withLock(file, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside -= 1;
      });
    await Promise.all([visit(), visit(), visit()]);
    expect(most).toBe(1);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  it("gives the lock back when the body fails", async () => {
    await expect(withLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(fs.existsSync(file)).toBe(false);
  });

  it("says who holds it and gives up after the time-out", async () => {
    const release = await takeLock(file);
    const seen = [];
    await expect(
      withLock(file, () => {}, { timeoutMs: 150, onWait: (holder) => seen.push(holder.pid) }),
    ).rejects.toThrow(new RegExp(`process ${process.pid} on .* has held`));
    expect(seen).toEqual([process.pid]);
    release();
  });

  it("takes the lock of a process that was killed with -9", async () => {
    const script = `import { takeLock } from ${JSON.stringify(path.resolve("tools/lib/lock.mjs"))};
      await takeLock(${JSON.stringify(file)}); process.stdout.write("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(fs.existsSync(file)).toBe(true);
    await withLock(file, () => {}, { timeoutMs: 2000 });
  });

  it("does not take a reused pid for the holder", async () => {
    const holder = { pid: process.pid, start: `${getProcessStart(process.pid)}1`, host: os.hostname(), token: "old" };
    fs.writeFileSync(file, JSON.stringify(holder));
    await withLock(file, () => {}, { timeoutMs: 2000 });
  });

  it("never takes the lock of another machine, whose processes it cannot see", async () => {
    fs.writeFileSync(file, JSON.stringify({ pid: 1, start: "1", host: "another-machine", token: "x" }));
    await expect(withLock(file, () => {}, { timeoutMs: 150 })).rejects.toThrow(/on another-machine has held/);
  });
});
