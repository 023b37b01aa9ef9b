// Every check of the sources, one line per part. `npm run lint -- --only eslint,imports` runs some of them.
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn, spawnSync } from "node:child_process";
import { ROOT } from "./build.mjs";
import { listProjectFiles } from "./lib/files.mjs";
import { checkImports } from "./lint/imports.mjs";
import { checkLockfile } from "./lint/lockfile.mjs";
import { checkShellFiles, checkShellTemplates, isShellFile } from "./lint/shell.mjs";

const NODE_MODULES = path.join(ROOT, "node_modules");
const NOT_OURS = /^(test\/golden|test\/mac\/samples|native\/vendor)\//;
const files = listProjectFiles(ROOT).filter((file) => !NOT_OURS.test(file));
const hasSources = fs.existsSync(path.join(ROOT, "native", "Makefile"));

/** @type {Record<string, () => Promise<{ ok: boolean, detail: string, text: string }>>} */
const PARTS = {
  types: () =>
    runNode(
      "typescript/bin/tsc",
      ["--noEmit", "-p", ".", "--incremental", "--tsBuildInfoFile", "node_modules/.cache/types.tsbuildinfo"],
      "tsc --noEmit",
    ),
  // No cache: a rule that knows types finds something new in a file that has not changed.
  eslint: () => runNode("eslint/bin/eslint.js", ["--max-warnings", "0", "."], "eslint"),
  prettier: () =>
    runNode(
      "prettier/bin/prettier.cjs",
      ["--check", "--log-level", "warn", "--cache", "--cache-location", "node_modules/.cache/prettier/lint-cache", "."],
      "prettier --check",
    ),
  lockfile: async () => report(checkLockfile(ROOT), "no download addresses in package-lock.json"),
  imports: async () => report(checkImports(ROOT, files), "import directions"),
  shell: async () => {
    const shellFiles = files.filter((file) => isShellFile(ROOT, file));
    return report(checkShellFiles(ROOT, shellFiles), `shellcheck, ${shellFiles.length} files`);
  },
  "shell-in-ts": async () => {
    const { templates, findings } = checkShellTemplates(ROOT, files);
    return report(findings, `shellcheck, ${templates} sh templates in TypeScript`);
  },
  c: () => {
    const sources = files.filter((file) => file.endsWith(".c") && !file.startsWith("native/"));
    const detail = `gcc's warnings, ${sources.length} files`;
    if (sources.length === 0) return Promise.resolve(report([], detail));
    return runCommand(
      "gcc",
      ["-std=gnu11", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-fsyntax-only", ...sources],
      detail,
    );
  },
  ...(hasSources && hasMakeTarget("lint")
    ? { native: () => runCommand("make", ["-C", "native", "lint"], "make -C native lint") }
    : {}),
};

function hasMakeTarget(target) {
  return spawnSync("make", ["-n", "-C", path.join(ROOT, "native"), target], { stdio: "ignore" }).status === 0;
}

function report(findings, detail) {
  return { ok: findings.length === 0, detail, text: findings.join("\n") };
}

function runNode(script, args, detail) {
  return runCommand(process.execPath, [path.join(NODE_MODULES, script), ...args], detail);
}

function runCommand(command, args, detail) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ ok: false, detail, text: error.message }));
    child.on("close", (code) =>
      resolve({ ok: code === 0, detail, text: Buffer.concat(chunks).toString("utf8").trim() }),
    );
  });
}

async function main(argv) {
  const only = argv[0] === "--only" ? new Set((argv[1] ?? "").split(",")) : undefined;
  if ((argv.length > 0 && only === undefined) || (only !== undefined && [...only].some((name) => !(name in PARTS)))) {
    process.stderr.write(`usage: npm run lint [-- --only ${Object.keys(PARTS).join(",")}]\n`);
    return 2;
  }
  if (!fs.existsSync(path.join(NODE_MODULES, "typescript"))) {
    process.stderr.write("lint: node_modules is missing: run `npm run setup` first\n");
    return 2;
  }
  const queue = Object.entries(PARTS).filter(([name]) => only === undefined || only.has(name));
  let failed = 0;
  const work = async () => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
      const started = Date.now();
      const { ok, detail, text } = await part[1]();
      if (!ok) failed += 1;
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      process.stdout.write(`${ok ? "ok    " : "FAILED"}  ${part[0].padEnd(12)} ${seconds.padStart(5)} s  ${detail}\n`);
      if (!ok && text !== "") process.stdout.write(`${text.replace(/^/gm, "        ")}\n`);
    }
  };
  const total = queue.length;
  await Promise.all([work(), work()]);
  process.stdout.write(`lint: ${total - failed} of ${total} parts clean\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
