// A lock file that survives kill -9: it names its holder, and a holder that is no longer there loses it.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { getProcessStart, isProcessAlive } from "./process.mjs";

const POLL_MS = 100;
const STEAL_GUARD_MS = 10_000;

/**
 * Runs `body` while holding the lock at `file`.
 * @template T
 * @param {string} file
 * @param {() => T | Promise<T>} body
 * @param {{ timeoutMs?: number, onWait?: (holder: import("./lock.mjs").LockHolder | undefined) => void }} [options]
 * @returns {Promise<T>}
 */
export async function withLock(file, body, options = {}) {
  const release = await takeLock(file, options);
  try {
    return await body();
  } finally {
    release();
  }
}

/** Returns the function that gives the lock back; fails after `timeoutMs` (15 minutes by default). */
export async function takeLock(file, options = {}) {
  const timeoutMs = options.timeoutMs ?? 15 * 60_000;
  const deadline = Date.now() + timeoutMs;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let hasSaid = false;
  for (;;) {
    const token = tryCreate(file);
    if (token !== undefined) return () => removeOwn(file, token);
    const holder = readHolder(file);
    if (holder !== undefined && isGone(holder)) {
      removeAbandoned(file);
      continue;
    }
    if (!hasSaid) {
      hasSaid = true;
      options.onWait?.(holder);
    }
    if (Date.now() > deadline) throw new Error(describeTimeout(file, holder, timeoutMs));
    await sleep(POLL_MS);
  }
}

function describeTimeout(file, holder, timeoutMs) {
  const who = holder === undefined ? "somebody" : `process ${holder.pid} on ${holder.host}`;
  return `${who} has held ${file} for over ${Math.round(timeoutMs / 1000)} s; when that process is not at work, remove the file`;
}

/** The file appears with its content in one step (link), so nobody ever reads a half-written holder. */
function tryCreate(file) {
  const token = randomBytes(8).toString("hex");
  const own = `${file}.${process.pid}.${token}`;
  const holder = { pid: process.pid, start: getProcessStart(process.pid), host: os.hostname(), token };
  fs.writeFileSync(own, JSON.stringify(holder));
  try {
    fs.linkSync(own, file);
    return token;
  } catch (error) {
    if (error.code === "EEXIST") return undefined;
    throw error;
  } finally {
    fs.rmSync(own, { force: true });
  }
}

export function readHolder(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function isGone(holder) {
  if (holder.host !== os.hostname()) return false;
  return !isProcessAlive(holder.pid, holder.start);
}

/** Two waiters may both see a dead holder; only the one with the guard looks again and removes, so a new holder is never robbed. */
function removeAbandoned(file) {
  const guard = `${file}.steal`;
  try {
    fs.closeSync(fs.openSync(guard, "wx"));
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    const since = fs.statSync(guard, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.now() - since > STEAL_GUARD_MS) fs.rmSync(guard, { force: true });
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder !== undefined && isGone(holder)) fs.rmSync(file, { force: true });
  } finally {
    fs.rmSync(guard, { force: true });
  }
}

function removeOwn(file, token) {
  if (readHolder(file)?.token === token) fs.rmSync(file, { force: true });
}
