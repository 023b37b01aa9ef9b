import * as fsp from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { randomUUID } from "node:crypto";
import { copyArchive, hashFile } from "./archive.js";
import { packCommit } from "./git.js";
import { contextDigest, contextFileName, sourceError, type PinnedSource } from "./sources.js";

export interface PreparedContext {
  /** Holds one file per source (`contextFileName`) and nothing else. Not to be changed: others may read it. */
  readonly folder: string;
  /** `contextDigest` of the sources. */
  readonly digest: string;
}

export interface PrepareOptions {
  /** `$XDG_CACHE_HOME/macfoundry` or `~/.cache/macfoundry` when left out. */
  readonly cacheFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((line: string) => void) | undefined;
}

export function defaultCacheFolder(): string {
  const base = process.env["XDG_CACHE_HOME"];
  return path.join(
    base !== undefined && path.isAbsolute(base) ? base : path.join(os.homedir(), ".cache"),
    "macfoundry",
  );
}

/**
 * A folder with the pinned sources, each verified: archives as they are, git commits as packs. Made once per set of
 * pins and kept in the user's cache; a damaged one is made again. Runs at the same time don't disturb each other.
 * Raises SOURCE_INVALID.
 */
export async function prepareContext(
  sources: readonly PinnedSource[],
  options: PrepareOptions = {},
): Promise<PreparedContext> {
  const cache = options.cacheFolder ?? defaultCacheFolder();
  const digest = contextDigest(sources);
  const contexts = path.join(cache, "contexts");
  const folder = path.join(contexts, digest, "files");
  if (await isWhole(path.join(contexts, digest), sources)) return { folder, digest };

  await fsp.mkdir(contexts, { recursive: true, mode: 0o700 });
  const made = path.join(contexts, `.${digest.slice(0, 16)}-${process.pid}-${randomUUID().slice(0, 8)}`);
  try {
    await fsp.mkdir(path.join(made, "files"), { recursive: true, mode: 0o700 });
    for (const source of sources) await placeSource(source, path.join(made, "files"), cache, options);
    await fsp.writeFile(
      path.join(made, "sums.json"),
      JSON.stringify(await listSums(path.join(made, "files"), sources)),
    );
    await moveInto(made, path.join(contexts, digest), sources);
  } finally {
    await fsp.rm(made, { recursive: true, force: true });
  }
  return { folder, digest };
}

async function placeSource(
  source: PinnedSource,
  folder: string,
  cache: string,
  options: PrepareOptions,
): Promise<void> {
  const file = path.join(folder, contextFileName(source));
  options.onProgress?.(
    source.kind === "git" ? `packing ${source.name} at ${source.commit}` : `checking ${source.name}`,
  );
  if (source.kind === "archive") await copyArchive(source, file);
  else await packCommit(source, file, cache, options.signal);
  options.signal?.throwIfAborted();
  // Times are sent along with a copy; they shall not tell when this cache was filled.
  await fsp.utimes(file, 0, 0);
}

type Sums = Record<string, string>;

async function listSums(folder: string, sources: readonly PinnedSource[]): Promise<Sums> {
  const sums: Sums = {};
  for (const source of sources)
    sums[contextFileName(source)] = await hashFile(path.join(folder, contextFileName(source)));
  return sums;
}

async function isWhole(folder: string, sources: readonly PinnedSource[]): Promise<boolean> {
  try {
    const noted = JSON.parse(await fsp.readFile(path.join(folder, "sums.json"), "utf8")) as Sums;
    const actual = await listSums(path.join(folder, "files"), sources);
    const names = await fsp.readdir(path.join(folder, "files"));
    return names.length === sources.length && Object.entries(actual).every(([name, sum]) => noted[name] === sum);
  } catch {
    return false;
  }
}

/** Somebody else may have put the same there meanwhile: theirs is as good, unless it is what we found damaged. */
async function moveInto(made: string, target: string, sources: readonly PinnedSource[]): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await fsp.rename(made, target);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
      if (await isWhole(target, sources)) return;
      const aside = `${made}-damaged-${attempt}`;
      await fsp.rename(target, aside).catch(() => undefined);
      await fsp.rm(aside, { recursive: true, force: true });
    }
  }
  throw sourceError("cache", `${target} cannot be replaced`, "remove that folder and run again");
}
