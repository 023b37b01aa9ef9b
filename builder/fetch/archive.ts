import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as fsp from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { sourceError, type PinnedArchive } from "./sources.js";

/**
 * Checks that the file has the pinned sha256. Raises SOURCE_INVALID.
 * A caller that reads it afterwards should copy first (`copyArchive`), since the file may change under it.
 */
export async function verifyArchive(source: PinnedArchive): Promise<void> {
  checkSum(source, await hashFile(source.path, source));
}

/** Copies the file to `target` and checks the copy. Raises SOURCE_INVALID, and leaves no `target` then. */
export async function copyArchive(source: PinnedArchive, target: string): Promise<void> {
  try {
    await fsp.copyFile(source.path, target, fs.constants.COPYFILE_FICLONE);
    await fsp.chmod(target, 0o644);
    checkSum(source, await hashFile(target, source));
  } catch (error) {
    await fsp.rm(target, { force: true });
    throw isErrno(error) ? describeReadError(source, error) : error;
  }
}

export async function hashFile(file: string, source?: PinnedArchive): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(fs.createReadStream(file), hash);
  } catch (error) {
    throw source !== undefined && isErrno(error) ? describeReadError(source, error) : error;
  }
  return hash.digest("hex");
}

function checkSum(source: PinnedArchive, actual: string): void {
  if (actual === source.sha256) return;
  throw sourceError(
    source.name,
    `${source.path} has sha256 ${actual}, not ${source.sha256}`,
    "get the right file, or (if this one is what you want) put its sha256 into fleet:sources",
  );
}

function describeReadError(source: PinnedArchive, error: NodeJS.ErrnoException): Error {
  const remedy = "correct the path in fleet:sources, or put the file there";
  return sourceError(source.name, `${source.path} cannot be read: ${error.code ?? error.message}`, remedy);
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return typeof error === "object" && error !== null && "code" in error && "syscall" in error;
}
