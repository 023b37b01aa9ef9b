#!/usr/bin/env node
// Per-step overhead and disk of trivial steps on a large tree: macfoundry's engines beside OBuilder's command sequence on
// macOS, on one simulated Mac, one volume (XFS with reflinks) and in one run. See README.md for what it proves and not.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { renderOriginal, renderLimits } from "./original.mjs";

const CLONE = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const MAC = join(CLONE, "test", "mac", "mac");
const { values } = parseArgs({
  options: {
    files: { type: "string", default: "5000" },
    mib: { type: "string", default: "100" },
    steps: { type: "string", default: "5" },
    full: { type: "boolean", default: false },
    engines: { type: "string", default: "rsync:copy,rsync:hardlink,rsync:hardlink_unsafe,clone" },
    json: { type: "boolean", default: false },
  },
});
const size = values.full
  ? { files: 50_000, mib: 1024, steps: 10 }
  : { files: Number(values.files), mib: Number(values.mib), steps: Number(values.steps) };
const name = `bench-${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), "mf-bench-"));

/** Runs shell text as root on the Mac. */
function onMac(script) {
  return execFileSync(MAC, ["shell", name, "/bin/sh", "-c", script], { maxBuffer: 1 << 28 }).toString();
}

function usedKib() {
  return Number(onMac("sync; df -Pk /Users | awk 'NR == 2 { print $3 }'"));
}

function makeSpec() {
  const perDir = 100;
  const bytes = Math.floor((size.mib * (1 << 20)) / size.files);
  const make = [
    `my $n = 0; srand 1; for my $d (0 .. ${Math.ceil(size.files / perDir) - 1}) {`,
    "my $dir = sprintf q(tree/%02d/%04d), $d % 40, $d; mkdir q(tree); mkdir sprintf q(tree/%02d), $d % 40; mkdir $dir;",
    `for my $f (1 .. ${perDir}) { last if $n++ >= ${size.files}; open my $o, q(>), qq($dir/$f) or die; print $o pack(q(N), rand 2**32) x ${Math.ceil(bytes / 4)}; } }`,
  ].join(" ");
  const steps = Array.from({ length: size.steps }, (_, at) => `(run (shell "echo ${at} > step-${at}"))`);
  return `((from empty)\n (run (shell "perl -e '${make.replaceAll("$", "\\$").replaceAll("\\$", "$")}'"))\n ${steps.join("\n ")})\n`;
}

/** Seconds between one `saved` note and the next, as somebody who waits for the build sees them. */
function build(engine) {
  const [kind, mode] = engine.split(":");
  const root = `/var/db/macfoundry/bench/${engine.replace(":", "-")}`;
  const words = ["build", "-f", join(folder, "steps.spec"), folder, "--host", "bench", "--uid", "705"];
  const child = spawn(
    process.execPath,
    [join(CLONE, "bin/macfoundry"), ...words, "--store", `${kind}:${root}`, ...(mode ? ["--rsync-mode", mode] : [])],
    { env: { ...process.env, MACFOUNDRY_STACK_FILE: join(folder, "stack.yaml") }, stdio: ["ignore", "pipe", "pipe"] },
  );
  return new Promise((resolve) => {
    const saved = [];
    const disk = [];
    let [text, errors] = ["", ""];
    child.stderr.on("data", (chunk) => (errors += chunk));
    child.stdout.on("data", (chunk) => {
      text += chunk;
      const count = text.split("---> saved as").length - 1;
      while (saved.length < count) {
        saved.push(performance.now());
        // After the tree's own step, so that only the trivial ones are counted.
        if (saved.length === 2) disk.push(usedKib());
      }
    });
    child.on("close", (code) => {
      if (code !== 0 || saved.length !== size.steps + 2) return resolve({ failed: errors.trim().split("\n")[0] });
      const gaps = saved.slice(3).map((at, index) => (at - saved[index + 2]) / 1000);
      const perStepKib = Math.round((usedKib() - disk[0]) / size.steps);
      onMac(`rm -rf ${root}`);
      resolve({ seconds: median(gaps), perStepKib });
    });
  });
}

/** The original's commands, timed one step at a time on the Mac itself: without SSH, so it has the advantage. */
function original(mode) {
  const before = usedKib();
  const printed = onMac(renderOriginal(mode, size.steps));
  const seconds = [...printed.matchAll(/^step (\S+)$/gm)].map(([, text]) => Number(text));
  const base = Number(/^base-kib (\d+)$/m.exec(printed)?.[1]);
  const perStepKib = Math.round((usedKib() - before - base) / size.steps);
  onMac("rm -rf /var/db/bench-original");
  return { seconds: median(seconds), perStepKib };
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function show(label, row, reflink) {
  const ratio = reflink === undefined ? "" : `   ${(row.seconds / reflink).toFixed(2)} x one reflink copy`;
  const figures =
    row.failed !== undefined
      ? `not run: ${row.failed}`
      : `${row.seconds.toFixed(2).padStart(8)} s ${(row.perStepKib / 1024).toFixed(1).padStart(9)} MiB${ratio}`;
  return `${label.padEnd(34)} ${figures}\n`;
}

function showAll(rows, limits) {
  process.stdout.write(
    `${size.files} files, ${size.mib} MiB, ${size.steps} trivial steps; seconds and disk per step (median)\n`,
  );
  for (const [label, row] of rows) process.stdout.write(show(label, row, limits.reflink));
  process.stdout.write(`${"limit: reflink copy of the tree".padEnd(34)} ${limits.reflink.toFixed(2).padStart(8)} s\n`);
  process.stdout.write(`${"limit: walk of the tree".padEnd(34)} ${limits.walk.toFixed(2).padStart(8)} s\n`);
}

// The Mac ends with this process; the folder is ours to remove.
for (const signal of ["SIGINT", "SIGTERM"])
  process.on(signal, () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
const boot = JSON.parse(
  execFileSync(MAC, [
    "boot",
    name,
    "--json",
    "--profile",
    "arm-15",
    "--data-size",
    "60G",
    "--parent",
    String(process.pid),
  ]),
);
try {
  const host = {
    address: boot.address,
    port: boot.port,
    user: boot.user,
    identity: boot.identityFile,
    hostKey: boot.hostKey,
  };
  writeFileSync(join(folder, "stack.yaml"), JSON.stringify({ config: { "macfoundry:hosts": { bench: host } } }));
  writeFileSync(join(folder, "steps.spec"), makeSpec());
  onMac(`set -e
dscl . -create /Users/mac705; dscl . -create /Users/mac705 UniqueID 705; dscl . -create /Users/mac705 PrimaryGroupID 20
dscl . -create /Users/mac705 UserShell /bin/bash; dscl . -create /Users/mac705 NFSHomeDirectory /Users/mac705
mkdir -p /Users/mac705; chown 705:20 /Users/mac705; chmod 0700 /Users/mac705`);
  const rows = [];
  // Each row at once on standard error: a long run that is broken off has shown something.
  const add = (label, row) => {
    rows.push([label, row]);
    process.stderr.write(show(label, row));
  };
  for (const engine of values.engines.split(",")) add(`macfoundry ${engine}`, await build(engine));
  // The last build has left the tree in the home.
  const limits = Object.fromEntries(
    [...onMac(renderLimits()).matchAll(/^(\w+) (\S+)$/gm)].map(([, key, text]) => [key, Number(text)]),
  );
  for (const mode of ["copy", "hardlink"]) add(`OBuilder's sequence, ${mode}`, original(mode));
  if (values.json) process.stdout.write(`${JSON.stringify({ size, rows: Object.fromEntries(rows), limits })}\n`);
  else showAll(rows, limits);
} finally {
  execFileSync(MAC, ["stop", name]);
  rmSync(folder, { recursive: true, force: true });
}
