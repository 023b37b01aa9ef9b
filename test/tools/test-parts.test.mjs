import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "../../tools/build.mjs";
import { runCommand } from "../../tools/lib/run.mjs";
import { countJest, countLastLine, countLint, listParts } from "../../tools/test/parts.mjs";

let folder;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-parts-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("counting a part's results", () => {
  it("takes the last line of counts", () => {
    expect(countLastLine(0, "1 passed, 0 failed\nmore\n12 passed, 0 failed, 3 skipped\n")).toMatchObject({
      passed: 12,
      failed: 0,
      skipped: 3,
    });
  });

  it.each([
    ["ends without a line of counts", 0, "make: nothing to be done\n", 1],
    ["says that all passed, but ends with an error", 2, "12 passed, 0 failed\n", 1],
    ["is killed", null, "", 1],
    ["counts its failures itself", 1, "12 passed, 3 failed\n", 3],
  ])("fails a command that %s", (_title, code, log, failed) => {
    expect(countLastLine(code, log).failed).toBe(failed);
  });

  it("counts the parts of lint, and fails a lint that ends with an error before its first part", () => {
    expect(countLint(1, "ok      types   1.0 s\nFAILED  eslint  2.0 s\n")).toMatchObject({ passed: 1, failed: 1 });
    expect(countLint(2, "node_modules is missing\n")).toMatchObject({ passed: 0, failed: 1 });
  });

  it("fails a jest part that left no report", () => {
    expect(countJest(path.join(folder, "none.json"), 0)).toMatchObject({ passed: 0, failed: 1 });
  });

  it("counts a test file that does not even load, and a jest that fails without a failed test", async () => {
    const report = path.join(folder, "report.json");
    fs.mkdirSync(path.join(folder, "test"));
    fs.writeFileSync(path.join(folder, "jest.config.mjs"), 'export default { roots: ["<rootDir>/test"] };');
    fs.writeFileSync(path.join(folder, "package.json"), "{}");
    fs.writeFileSync(
      path.join(folder, "test/good.test.js"),
      'test("a", () => {}); test("b", () => { throw new Error("planted"); });',
    );
    fs.writeFileSync(path.join(folder, "test/bad.test.js"), "this is no program");
    const jest = path.join(ROOT, "node_modules/jest/bin/jest.js");
    const args = [jest, "--rootDir", folder, "--ci", "--json", `--outputFile=${report}`];
    const { status } = spawnSync(process.execPath, args, { cwd: folder });
    const counts = countJest(report, status);
    expect(counts).toMatchObject({ passed: 1, failed: 2 });
    expect(counts.details).toContain("planted");
    fs.writeFileSync(
      report,
      JSON.stringify({ testResults: [], numFailedTests: 0, numPassedTests: 0, numPendingTests: 0, numTodoTests: 0 }),
    );
    expect(countJest(report, 1).failed).toBe(1);
  });
});

describe("the parts of npm test", () => {
  it("run every test file exactly once", () => {
    const files = fs
      .readdirSync(path.join(ROOT, "test"), { recursive: true })
      .map((name) => `/test/${name}`)
      .filter((name) => /\.test\.(ts|mjs)$/.test(name));
    const jestParts = listParts(ROOT, folder).filter(({ args }) => args.includes("--testPathPatterns"));
    for (const file of files) {
      const takers = jestParts.filter(({ args }) => {
        const at = args.indexOf("--testPathPatterns");
        const ignored = args.filter((_, i) => args[i - 1] === "--testPathIgnorePatterns");
        return (
          args.slice(at + 1).some((pattern) => new RegExp(pattern).test(file)) &&
          !ignored.some((pattern) => new RegExp(pattern).test(file))
        );
      });
      expect([file, takers.length]).toEqual([file, 1]);
    }
    expect(files.length).toBeGreaterThan(5);
  });

  it("each have a time limit", () => {
    for (const part of listParts(ROOT, folder)) expect(part.timeoutMs).toBeGreaterThan(0);
  });
});

describe("runCommand", () => {
  it("ends a command that takes too long, its children and theirs with it", async () => {
    const note = path.join(folder, "pid");
    const script = `sleep 60 & echo $! > ${note}; wait`;
    const result = await runCommand("/bin/sh", ["-c", script], { timeoutMs: 400 });
    expect(result.timedOut).toBe(true);
    const pid = Number(fs.readFileSync(note, "utf8"));
    await expectGone(pid);
  });

  it("gives lines as they come and the whole output at the end", async () => {
    const lines = [];
    const result = await runCommand("/bin/sh", ["-c", "echo a; printf b; exit 3"], {
      onLine: (line) => lines.push(line),
    });
    expect(lines).toEqual(["a", "b"]);
    expect(result).toMatchObject({ code: 3, output: "a\nb", timedOut: false });
  });

  it("answers for a program that does not exist", async () => {
    const result = await runCommand("/nonexistent/program", []);
    expect(result.code).toBeNull();
    expect(result.output).toContain("ENOENT");
  });
});

async function expectGone(pid) {
  for (let i = 0; i < 50; i += 1) {
    const state = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
    if (state === "" || state.startsWith("Z")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} lives on`);
}
