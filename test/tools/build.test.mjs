import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT, ensureBuilt } from "../../tools/build.mjs";

let root;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-build-"));
  fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(root, "node_modules"));
  fs.mkdirSync(path.join(root, "host"));
  fs.mkdirSync(path.join(root, "stacks"));
  write("host/a.ts", "export const a: number = 1;\n");
  write("host/b.ts", 'import { a } from "./a.js";\nexport const b = a + 1;\n');
  write("stacks/schema.json", "{}\n");
});

afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

const write = (name, text) => fs.writeFileSync(path.join(root, name), text);
const read = (name) => fs.readFileSync(path.join(root, name), "utf8");
const has = (name) => fs.existsSync(path.join(root, name));

describe("ensureBuilt", () => {
  it("compiles every source to the same path and copies data files", async () => {
    expect(await ensureBuilt({ root })).toEqual({ compiled: 3, removed: 0 });
    expect(read("dist/host/a.js")).toContain("const a = 1");
    expect(read("dist/host/b.js")).toContain('from "./a.js"');
    expect(JSON.parse(read("dist/host/b.js.map")).sources).toEqual(["../../host/b.ts"]);
    expect(read("dist/stacks/schema.json")).toBe("{}\n");
  });

  it("does nothing the second time, and then only what changed", async () => {
    await ensureBuilt({ root });
    const before = fs.statSync(path.join(root, "dist/host/a.js")).mtimeMs;
    expect(await ensureBuilt({ root })).toEqual({ compiled: 0, removed: 0 });
    write("host/b.ts", "export const b = 77;\n");
    expect(await ensureBuilt({ root })).toEqual({ compiled: 1, removed: 0 });
    expect(read("dist/host/b.js")).toContain("77");
    expect(fs.statSync(path.join(root, "dist/host/a.js")).mtimeMs).toBe(before);
  });

  it("removes the output of a source that is gone, so that an old import fails instead of running", async () => {
    await ensureBuilt({ root });
    fs.rmSync(path.join(root, "host/a.ts"));
    expect(await ensureBuilt({ root })).toEqual({ compiled: 0, removed: 2 });
    expect(has("dist/host/a.js")).toBe(false);
    expect(has("dist/host/b.js")).toBe(true);
  });

  it("makes again an output that was removed or edited", async () => {
    await ensureBuilt({ root });
    fs.rmSync(path.join(root, "dist/host/a.js"));
    write("dist/host/b.js", "tampered");
    expect(await ensureBuilt({ root })).toEqual({ compiled: 2, removed: 0 });
    expect(read("dist/host/b.js")).not.toContain("tampered");
  });

  it("names file, line and column of a syntax error, keeps the old outputs and is stale afterwards", async () => {
    await ensureBuilt({ root });
    write("host/a.ts", "export const a = ;\n");
    await expect(ensureBuilt({ root })).rejects.toThrow(/host\/a\.ts:1:18: Unexpected ";"/);
    expect(read("dist/host/a.js")).toContain("const a = 1");
    await expect(ensureBuilt({ root })).rejects.toThrow(/host\/a\.ts/);
  });

  it("says what to run when node_modules is missing", async () => {
    fs.unlinkSync(path.join(root, "node_modules"));
    await expect(ensureBuilt({ root })).rejects.toThrow(/node_modules is missing.*npm run setup/);
  });

  it("lets several processes start at once: every one of them loads whole, current modules", async () => {
    const script = `
      import { ensureBuilt } from ${JSON.stringify(path.join(ROOT, "tools/build.mjs"))};
      await ensureBuilt({ root: ${JSON.stringify(root)} });
      const { b } = await import(${JSON.stringify(path.join(root, "dist/host/b.js"))});
      process.stdout.write(String(b));`;
    const outputs = await Promise.all(Array.from({ length: 4 }, () => runNode(script)));
    expect(outputs).toEqual(["2", "2", "2", "2"]);
    expect(fs.readdirSync(path.join(root, "dist")).filter((name) => name.startsWith(".lock"))).toEqual([]);
  });

  it("takes over the lock of a build that was killed", async () => {
    fs.mkdirSync(path.join(root, "dist"));
    const child = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => child.on("exit", resolve));
    write("dist/.lock", JSON.stringify({ pid: child.pid, start: "1", host: os.hostname(), token: "x" }));
    expect((await ensureBuilt({ root })).compiled).toBe(3);
  });
});

function runNode(script) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (err += chunk));
    child.on("close", (code) => (code === 0 ? resolve(out) : reject(new Error(err))));
  });
}
