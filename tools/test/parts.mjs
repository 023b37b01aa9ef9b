// What `npm test` is made of. A part runs one command, within a time limit, its output in a file.
import * as fs from "node:fs";
import * as path from "node:path";

const MINUTE_MS = 60_000;
const JEST = ["--experimental-vm-modules", "--no-warnings", "node_modules/jest/bin/jest.js", "--ci", "--maxWorkers=2"];
const LONG = "\\.long\\.test\\.";
const COMPILER = "/compiler-from-source\\.test\\.";

/**
 * @typedef {{ name: string, command: string, args: string[], timeoutMs: number, count: (code: number | null, log: string) => Result, isLong?: boolean, isVital?: boolean }} Part
 * @typedef {{ passed: number, failed: number, skipped: number, details: string }} Result
 */

/**
 * @param {string} root
 * @param {string} folder for reports
 * @returns {Part[]}
 */
export function listParts(root, folder) {
  const node = process.execPath;
  const jest = (name, patterns, ignored, minutes, isLong = false) => {
    const report = path.join(folder, `${name}.json`);
    const ignore = ignored.flatMap((pattern) => ["--testPathIgnorePatterns", pattern]);
    const args = [...JEST, "--json", `--outputFile=${report}`, ...ignore, "--testPathPatterns", ...patterns];
    return {
      name,
      command: node,
      args,
      timeoutMs: minutes * MINUTE_MS,
      count: (code) => countJest(report, code),
      isLong,
    };
  };
  const hasTests = (name) => fs.existsSync(path.join(root, "test", name));
  const parts = [
    {
      name: "setup",
      command: node,
      args: ["tools/setup.mjs"],
      timeoutMs: 40 * MINUTE_MS,
      count: countOne,
      isVital: true,
    },
    { name: "lint", command: node, args: ["tools/lint.mjs"], timeoutMs: 10 * MINUTE_MS, count: countLint },
    jest("units", ["/test/"], ["/test/mac/", "/test/engine/", LONG], 20),
  ];
  if (hasTests("mac")) parts.push(jest("mac", ["/test/mac/"], [LONG], 12));
  if (hasTests("engine")) parts.push(jest("engine", ["/test/engine/"], [LONG, COMPILER], 25));
  // OCaml from source: minutes of compiling, and nothing else that could slow the engine's tests.
  if (hasTests("engine")) parts.push(jest("compiler", [COMPILER], [LONG], 20));
  if (fs.existsSync(path.join(root, "native", "Makefile"))) {
    const args = ["-C", "native", "check"];
    parts.push({ name: "native", command: "make", args, timeoutMs: 15 * MINUTE_MS, count: countLastLine });
    const long = { command: "env", args: ["OBFS_TEST_LONG=1", "make", ...args], timeoutMs: 90 * MINUTE_MS };
    parts.push({ name: "native-long", ...long, count: countLastLine, isLong: true });
  }
  parts.push(jest("long", [LONG], [], 60, true));
  return parts;
}

/** @returns {Result} */
function countOne(code) {
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, details: "" };
}

/** From the lines `ok      NAME …` and `FAILED  NAME …`. */
export function countLint(code, log) {
  const passed = (log.match(/^ok {4}/gm) ?? []).length;
  const failed = (log.match(/^FAILED /gm) ?? []).length;
  return { passed, failed: code === 0 ? failed : Math.max(failed, 1), skipped: 0, details: code === 0 ? "" : log };
}

/** From a last line `N passed, N failed`, perhaps with `, N skipped`; a command that ends without one has failed. */
export function countLastLine(code, log) {
  const match = log.match(/^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/gm)?.at(-1);
  const [passed = 0, failed = 0, skipped = 0] = (match?.match(/\d+/g) ?? []).map(Number);
  const isBroken = match === undefined || (code !== 0 && failed === 0);
  return { passed, failed: failed + (isBroken ? 1 : 0), skipped, details: tail(log) };
}

/** From jest's report; without one (killed, crashed) the part has failed and its log must tell. */
export function countJest(report, code) {
  let results;
  try {
    results = JSON.parse(fs.readFileSync(report, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0, details: "" };
  }
  const failures = results.testResults.filter(({ status }) => status === "failed");
  const broken = failures.filter(({ assertionResults }) => !assertionResults.some(({ status }) => status === "failed"));
  const failed = results.numFailedTests + broken.length;
  const isUnexplained = code !== 0 && failed === 0;
  return {
    passed: results.numPassedTests,
    failed: failed + (isUnexplained ? 1 : 0),
    skipped: results.numPendingTests + results.numTodoTests,
    details: failures.map(({ name, message }) => `${name}\n${message}`).join("\n"),
  };
}

export function tail(text, lines = 40) {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}
