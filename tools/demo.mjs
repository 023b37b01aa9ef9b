// `npm run demo`: set-up, then the main job on simulated Macs of both arches, told act by act.
import * as fs from "node:fs";
import { ROOT } from "./build.mjs";
import { runCommand } from "./lib/run.mjs";
import * as path from "node:path";

const SETUP_TIMEOUT_MS = 45 * 60_000;
const isKept = process.argv.includes("--keep");
const unknown = process.argv.slice(2).filter((word) => word !== "--keep");
if (unknown.length > 0) {
  process.stderr.write(`demo: unknown word ${unknown[0]}\nusage: npm run demo [-- --keep]\n`);
  process.exit(2);
}

const setup = await runCommand(process.execPath, [path.join(ROOT, "tools", "setup.mjs")], {
  cwd: ROOT,
  timeoutMs: SETUP_TIMEOUT_MS,
  onLine: (line) => process.stdout.write(`${line}\n`),
});
if (setup.code !== 0) process.exit(1);

// Only now: they need what set-up has installed.
const { bootMac, installCompiler, stopMacs } = await import("./demo/macs.mjs");
const { copySpecs, makeProject, writeStack } = await import("./demo/project.mjs");
const { DemoFailed, Stage } = await import("./demo/run.mjs");
const story = await import("./demo/story.mjs");
const { DEMO_STACKS, COMPILER_PREFIX } = await import("./demo/stacks.mjs");

const project = makeProject();
const stage = new Stage(project);
const booted = [];

function cleanUp() {
  if (isKept) return;
  fs.rmSync(project.folder, { recursive: true, force: true });
  stopMacs(booted.splice(0).map(({ name }) => name));
}
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, () => {
    cleanUp();
    process.exit(code);
  });
}

try {
  stage.heading("Macs boot (simulated: see docs/limits.md)");
  const stacks = DEMO_STACKS.map((entry) => ({ ...entry, macs: [] }));
  await stage.time("boot", async () => {
    for (const entry of stacks) {
      for (const wanted of entry.wanted) {
        const mac = bootMac(wanted, isKept);
        booted.push(mac);
        entry.macs.push(mac);
        installCompiler(mac.name, COMPILER_PREFIX);
        stage.say(`${mac.host}: ${wanted.profile}, SIP ${wanted.sip}, at ${mac.address} port ${mac.port}`);
      }
      writeStack(project, entry.stack, entry.macs);
    }
    copySpecs(project);
  });
  await story.buildAll(stage, stacks);
  await story.showOutputs(stage, stacks);
  await story.buildAgain(stage, stacks);
  await story.tamper(stage, stacks);
  await story.showDrift(stage, stacks);
  await story.repair(stage, stacks);
  await story.showClean(stage, stacks);
  stage.table();
  if (isKept) {
    stage.heading("The Macs stay up");
    for (const { name } of booted)
      stage.say(`  test/mac/mac ssh ${name}      (as its administrator; \`shell\`: as root)`);
    stage.say(`  project folder: ${project.folder}`);
    stage.say(`  when done: test/mac/mac stop ${booted.map(({ name }) => name).join(" ")}; rm -rf ${project.folder}`);
  }
} catch (error) {
  stage.say(`\ndemo: ${error instanceof DemoFailed ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  cleanUp();
}
