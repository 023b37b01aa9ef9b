// Makes this machine ready: idempotent, says what it does, takes under two seconds when there is nothing to do.
// Only Node's own modules: it runs before node_modules exists.
import * as fs from "node:fs";
import * as path from "node:path";
import { ROOT } from "./build.mjs";
import { askVersion, findPulumi } from "./lib/pulumi.mjs";
import { forwardSignals, runCommand } from "./lib/run.mjs";
import { buildPulumi, checkGo } from "./setup/pulumi-build.mjs";
import { installCommandPlugin } from "./setup/command-plugin.mjs";
import { installModules } from "./setup/node-modules.mjs";
import { installPackages } from "./setup/debian.mjs";

const NODE_MINIMUM = 20;
const PREPARE_TIMEOUT_MS = 20 * 60_000;
const USAGE = "usage: npm run setup [-- --for-use]   (--for-use: only what real Macs need, not what the tests need)";

const say = (line) => process.stdout.write(`setup: ${line}\n`);

/** @returns {Promise<{ hasGo: boolean, goText: string }>} */
async function checkTools() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < NODE_MINIMUM) throw new Error(`Node ${NODE_MINIMUM} or newer is needed, this is ${process.version}`);
  const [npm, go] = await Promise.all([runCommand("npm", ["--version"], { cwd: ROOT, timeoutMs: 30_000 }), checkGo()]);
  if (npm.code !== 0) throw new Error("npm is missing: it comes with Node, see https://nodejs.org");
  say(`Node ${process.versions.node}, npm ${npm.output.trim().split("\n").at(-1)}, ${go.text}`);
  return { hasGo: go.ok, goText: go.text };
}

async function preparePulumi({ hasGo, goText }) {
  const found = findPulumi({ root: ROOT });
  if (found !== undefined && (found.source === "PATH" || askVersion(found.command) === found.version)) return found;
  if (!hasGo) {
    throw new Error(
      `no Pulumi on PATH is new enough, and none can be built: ${goText}. Install one of the two and run again`,
    );
  }
  return buildPulumi({ root: ROOT, say });
}

/** The simulated Mac's system image: built once per machine, by its own command. */
async function prepareSimulatedMac() {
  const command = path.join(ROOT, "test", "mac", "mac");
  if (process.platform !== "linux" || process.getuid?.() !== 0 || !fs.existsSync(command)) return;
  const onLine = (line) => say(`simulated Mac: ${line}`);
  const result = await runCommand(command, ["prepare"], { cwd: ROOT, onLine, timeoutMs: PREPARE_TIMEOUT_MS });
  if (result.code !== 0) {
    const why = result.timedOut ? "it took too long" : result.output.trim().split("\n").slice(-10).join("\n");
    throw new Error(`test/mac/mac prepare failed: ${why}`);
  }
}

/** Runs the steps that do not wait for each other side by side; every failure is told, not only the first. */
async function prepareAll(tools, onlyForUse) {
  const problems = [];
  const attempt = (step) =>
    step.catch((error) => {
      problems.push(error.message);
      return undefined;
    });
  const pulumi = attempt(preparePulumi(tools));
  const modules = attempt(installModules({ root: ROOT, say }).then(() => true));
  const packages = attempt(
    installPackages({ root: ROOT, onlyForUse, say }).then((todo) => {
      if (todo === undefined) return true;
      problems.push(todo);
      return undefined;
    }),
  );
  const plugin = attempt(
    Promise.all([pulumi, modules]).then(([found, hasModules]) =>
      found === undefined || hasModules === undefined
        ? undefined
        : installCommandPlugin({ root: ROOT, pulumi: found, say }),
    ),
  );
  const mac = attempt(
    Promise.all([packages, modules]).then(([hasPackages]) =>
      hasPackages && !onlyForUse ? prepareSimulatedMac() : undefined,
    ),
  );
  const [found, kind] = await Promise.all([pulumi, plugin, mac]);
  return { problems, found, kind };
}

async function main(argv) {
  if (argv.some((word) => word !== "--for-use")) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  forwardSignals();
  const started = Date.now();
  const tools = await checkTools();
  const { problems, found, kind } = await prepareAll(tools, argv.includes("--for-use"));
  if (found !== undefined)
    say(`Pulumi ${found.version} (${found.command})${kind === undefined ? "" : `, command plugin: ${kind}`}`);
  for (const problem of problems) process.stderr.write(`setup: NOT DONE: ${problem.replaceAll("\n", "\n  ")}\n`);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  say(
    problems.length === 0
      ? `ready, ${seconds} s`
      : `${problems.length} thing${problems.length === 1 ? " is" : "s are"} left to do, see above`,
  );
  return problems.length === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`setup: ${error.message}\n`);
    process.exit(1);
  },
);
