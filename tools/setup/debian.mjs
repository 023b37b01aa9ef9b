import * as fs from "node:fs";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { getCacheFolder } from "../lib/folders.mjs";
import { withLock } from "../lib/lock.mjs";
import { runCommand } from "../lib/run.mjs";

const APT_TIMEOUT_MS = 10 * 60_000;

/** @returns {{ name: string, isForUse: boolean }[]} */
export function readPackages(root) {
  const text = fs.readFileSync(path.join(root, "tools", "setup", "debian-packages.txt"), "utf8");
  return text.split("\n").flatMap((line) => {
    const match = /^([a-z0-9][a-z0-9.+-]*)\s+(\S.*)$/.exec(line);
    return match === null ? [] : [{ name: match[1], isForUse: match[2].startsWith("use:") }];
  });
}

/** Which of `names` are not installed; undefined where there is no dpkg. */
export function listMissing(names) {
  const result = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Abbrev}\t${Package}\n", ...names], {
    encoding: "utf8",
  });
  if (result.error !== undefined) return undefined;
  const lines = result.stdout.split("\n").filter((line) => line.startsWith("ii"));
  const installed = new Set(lines.map((line) => line.split("\t")[1]));
  return names.filter((name) => !installed.has(name));
}

export function renderInstallCommand(missing) {
  return `sudo apt-get install -y --no-install-recommends ${missing.join(" ")}`;
}

/**
 * @param {{ root: string, onlyForUse: boolean, say: (line: string) => void }} options
 * @returns {Promise<string | undefined>} what is left for a person to do
 */
export async function installPackages({ root, onlyForUse, say }) {
  const names = readPackages(root)
    .filter(({ isForUse }) => isForUse || !onlyForUse)
    .map(({ name }) => name);
  const missing = listMissing(names);
  if (missing === undefined) return describeWithoutDpkg(onlyForUse);
  if (missing.length === 0) return undefined;
  if (process.getuid?.() !== 0) return `Debian packages are missing, run: ${renderInstallCommand(missing)}`;
  await withLock(path.join(getCacheFolder(), "locks", "apt"), () => runApt(listMissing(names) ?? [], say), {
    timeoutMs: 2 * APT_TIMEOUT_MS,
    onWait: () => say("waiting for another set-up's apt-get"),
  });
  return undefined;
}

function describeWithoutDpkg(onlyForUse) {
  if (onlyForUse) return undefined;
  if (process.platform === "darwin") return "the simulated Mac needs Linux; for lint, run: brew install shellcheck";
  const names =
    "fuse3 and its headers, gcc, make, mmdebstrap, perl, pkg-config, shellcheck, sqlite3, squashfs-tools, xfsprogs";
  return `this is not Debian; the tests need ${names} (see docs/setup.md)`;
}

async function runApt(missing, say) {
  if (missing.length === 0) return;
  say(`installing Debian packages: ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const lock = ["-o", "DPkg::Lock::Timeout=300"];
  const install = [...lock, "install", "-y", "--no-install-recommends", ...missing];
  const first = await runCommand("apt-get", install, { env, timeoutMs: APT_TIMEOUT_MS });
  if (first.code === 0) return;
  say("apt-get failed, trying again with fresh package lists");
  await runCommand("apt-get", [...lock, "update"], { env, timeoutMs: APT_TIMEOUT_MS });
  const second = await runCommand("apt-get", install, { env, timeoutMs: APT_TIMEOUT_MS });
  if (second.code !== 0)
    throw new Error(`apt-get install failed:\n${second.output.trim().split("\n").slice(-15).join("\n")}`);
}
