// How long a preview of converged Macs takes, and how much of that is Pulumi's own: `node bench/preview/run.mjs [MACS...]`.
// In one run: an empty program, then the real one with 1 and 8 simulated Macs; medians of ROUNDS previews each.
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { performance } from "node:perf_hooks";
import { findPulumi } from "../../tools/lib/pulumi.mjs";
import { ROOT, ensureBuilt } from "../../tools/build.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? 5);
const counts = process.argv.slice(2).map(Number);
const macTool = path.join(ROOT, "test/mac/mac");
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-bench-"));
const names = [];

const env = {
  ...process.env,
  PULUMI_HOME: path.join(folder, "home"),
  PULUMI_CONFIG_PASSPHRASE: "",
  PULUMI_SKIP_UPDATE_CHECK: "true",
  PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
};

function pulumi(project, args, expected = 0) {
  const { command } = findPulumi({ root: ROOT });
  const words = [...args, "--non-interactive", "--color", "never"];
  const run = spawnSync(command, words, { cwd: project.folder, env: { ...env, ...project.env }, encoding: "utf8" });
  if (run.status !== expected)
    throw new Error(`pulumi ${args.join(" ")}: exit ${run.status}\n${run.stdout}${run.stderr}`);
}

function makeProject(name, yaml) {
  const place = path.join(folder, name);
  fs.mkdirSync(path.join(place, "stacks"), { recursive: true });
  fs.mkdirSync(path.join(place, "state"));
  fs.symlinkSync(ROOT, path.join(place, "program"));
  fs.symlinkSync(path.join(ROOT, "node_modules"), path.join(place, "node_modules"));
  fs.writeFileSync(path.join(place, "package.json"), '{ "type": "module" }');
  fs.writeFileSync(path.join(place, "Pulumi.yaml"), yaml);
  const stackFile = path.join(place, "stacks/Pulumi.dev.yaml");
  return {
    folder: place,
    stackFile,
    env: { PULUMI_BACKEND_URL: `file://${path.join(place, "state")}`, MACFOUNDRY_STACK_FILE: stackFile },
  };
}

function measure(project) {
  const times = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const begin = performance.now();
    pulumi(project, ["preview", "--expect-no-changes", "--suppress-progress"]);
    times.push((performance.now() - begin) / 1000);
  }
  times.sort((a, b) => a - b);
  return { median: times[Math.floor(ROUNDS / 2)], least: times[0], most: times[ROUNDS - 1] };
}

function bootMac(n) {
  const name = `bench-${process.pid}-${n}`;
  names.push(name);
  const words = ["boot", name, "--json", "--parent", String(process.pid), "--profile", "intel-14"];
  return JSON.parse(execFileSync(macTool, words, { encoding: "utf8" }));
}

function makeFleet(macs) {
  const yaml =
    "name: fleet\nruntime: { name: nodejs, options: { typescript: false } }\nmain: program/stacks/main.js\n" +
    "stackConfigDir: stacks\nplugins: { providers: [{ name: macfoundry, path: ./program/provider/bin }] }\n";
  const project = makeProject(`fleet-${macs.length}`, yaml);
  pulumi(project, ["stack", "init", "dev"]);
  const hosts = Object.fromEntries(
    macs.map(({ address, port, user, identityFile: identity, hostKey }, i) => [
      `mac-${i + 1}`,
      { address, port, user, identity, hostKey },
    ]),
  );
  const config = {
    "macfoundry:hosts": hosts,
    "fleet:expect": { arch: "x86_64", macos: "14" },
    "fleet:builders": [{ name: "mac705", uid: 705 }],
  };
  fs.appendFileSync(project.stackFile, `config: ${JSON.stringify(config)}\n`);
  pulumi(project, ["up", "--yes", "--skip-preview"]);
  return project;
}

try {
  await ensureBuilt();
  fs.mkdirSync(env.PULUMI_HOME);
  const empty = makeProject(
    "empty",
    "name: empty\nruntime: { name: nodejs, options: { typescript: false } }\nmain: index.mjs\nstackConfigDir: stacks\n",
  );
  fs.writeFileSync(path.join(empty.folder, "index.mjs"), 'import "@pulumi/pulumi";\nexport const done = true;\n');
  pulumi(empty, ["stack", "init", "dev"]);
  pulumi(empty, ["up", "--yes", "--skip-preview"]);
  const rows = [["an empty program", measure(empty)]];
  const macs = [];
  for (const count of counts.length === 0 ? [1, 8] : counts) {
    while (macs.length < count) macs.push(bootMac(macs.length + 1));
    rows.push([`${count} Mac${count === 1 ? "" : "s"}`, measure(makeFleet(macs.slice(0, count)))]);
  }
  const own = rows[0][1].median;
  process.stdout.write(
    `preview of converged Macs, ${os.cpus().length} cores, median of ${ROUNDS} (least to most), seconds\n`,
  );
  for (const [name, { median, least, most }] of rows) {
    const range = `(${least.toFixed(2)} to ${most.toFixed(2)})`;
    const ratio = `${(median / own).toFixed(2)} of an empty program, ${(median - own).toFixed(2)} s ours`;
    process.stdout.write(
      `${name.padEnd(18)} ${median.toFixed(2)} ${range.padEnd(18)} ${name === rows[0][0] ? "" : ratio}\n`,
    );
  }
} finally {
  for (const name of names) spawnSync(macTool, ["stop", name]);
  fs.rmSync(folder, { recursive: true, force: true });
}
