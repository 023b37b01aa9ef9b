import * as fs from "node:fs";
import * as path from "node:path";
import { createHash } from "node:crypto";
import { getCacheFolder } from "../lib/folders.mjs";
import { withLock } from "../lib/lock.mjs";
import { runCommand } from "../lib/run.mjs";

const NPM_TIMEOUT_MS = 15 * 60_000;

const hashText = (text) => createHash("sha256").update(text).digest("hex");
const getStampFile = (root) => path.join(root, "node_modules", ".macfoundry-lockfile");

/** Whether node_modules is what the lockfile says: by our own stamp, or by npm's note of what it installed. */
export function hasCurrentModules(root) {
  const lockfile = fs.readFileSync(path.join(root, "package-lock.json"), "utf8");
  const stamp = readText(getStampFile(root));
  if (stamp?.trim() === hashText(lockfile)) return true;
  const note = readText(path.join(root, "node_modules", ".package-lock.json"));
  if (note === undefined || !isInstalled(JSON.parse(lockfile).packages, JSON.parse(note).packages)) return false;
  fs.writeFileSync(getStampFile(root), `${hashText(lockfile)}\n`);
  return true;
}

/** npm's note leaves out what is optional and not for this machine. */
function isInstalled(wanted, installed) {
  const names = Object.keys(wanted).filter((name) => name !== "");
  const hasAll = names.every((name) => {
    const there = installed[name];
    if (there === undefined) return wanted[name].optional === true;
    return there.version === wanted[name].version && there.integrity === wanted[name].integrity;
  });
  return hasAll && Object.keys(installed).every((name) => name in wanted);
}

function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** @param {{ root: string, say: (line: string) => void }} options */
export async function installModules({ root, say }) {
  if (hasCurrentModules(root)) return;
  const lock = path.join(getCacheFolder(), "locks", `npm-${hashText(fs.realpathSync(root)).slice(0, 16)}`);
  await withLock(
    lock,
    async () => {
      if (hasCurrentModules(root)) return;
      say("npm ci (node_modules is missing or does not match the lockfile)");
      const lockfile = fs.readFileSync(path.join(root, "package-lock.json"), "utf8");
      const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
      const result = await runCommand("npm", args, { cwd: root, timeoutMs: NPM_TIMEOUT_MS });
      if (result.code !== 0)
        throw new Error(`npm ci failed:\n${result.output.trim().split("\n").slice(-15).join("\n")}`);
      fs.writeFileSync(getStampFile(root), `${hashText(lockfile)}\n`);
    },
    { timeoutMs: NPM_TIMEOUT_MS, onWait: () => say("waiting for another npm ci in this folder") },
  );
}
