// Makes dist/ from the TypeScript sources, file by file. Imported by bin/macfoundry, stacks/main.js and the provider's
// launcher, which all call ensureBuilt() first: nothing of ours ever runs stale code.
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const SOURCE_FOLDERS = ["builder", "cli", "components", "host", "provider", "stacks"];
const COPIED = new Set([".json", ".sh"]);
const LOCK_TIMEOUT_MS = 120_000;

/**
 * Brings dist/ up to date. Takes some milliseconds when it is; else compiles what has changed, under a lock. Each file
 * is replaced in one step, so a process that runs meanwhile never reads half of one. Prints nothing to stdout.
 * @param {{ root?: string }} [options]
 * @returns {Promise<{ compiled: number, removed: number }>}
 */
export async function ensureBuilt({ root = ROOT } = {}) {
  if (isFresh(root, listSources(root))) return { compiled: 0, removed: 0 };
  if (!fs.existsSync(path.join(root, "node_modules", "esbuild"))) {
    throw new BuildError(
      "node_modules is missing or incomplete: run `npm run setup` (or `npm ci --ignore-scripts`) first",
    );
  }
  const { withLock } = await import("./lib/lock.mjs");
  return withLock(path.join(root, "dist", ".lock"), () => build(root), { timeoutMs: LOCK_TIMEOUT_MS });
}

/** An error whose message is all that a person needs. */
export class BuildError extends Error {}

/** Every source as { relative path → "mtime size" }. */
function listSources(root) {
  const sources = new Map();
  const walk = (folder) => {
    for (const entry of readFolder(path.join(root, folder))) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else if (isSource(name)) sources.set(name, describeFile(path.join(root, name)));
    }
  };
  SOURCE_FOLDERS.forEach(walk);
  return sources;
}

function readFolder(folder) {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

function isSource(name) {
  return (name.endsWith(".ts") && !name.endsWith(".d.ts")) || COPIED.has(path.extname(name));
}

function describeFile(file) {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.mtimeMs} ${stat.size}`;
}

const getOutput = (name) => name.replace(/\.ts$/, ".js");
const getStampFile = (root) => path.join(root, "dist", ".stamp.json");

function readStamp(root) {
  try {
    const stamp = JSON.parse(fs.readFileSync(getStampFile(root), "utf8"));
    return stamp.builder === describeBuilder(root) ? new Map(Object.entries(stamp.files)) : new Map();
  } catch {
    return new Map();
  }
}

/** What else decides the outputs: this script and the compiler's settings. */
function describeBuilder(root) {
  return [fileURLToPath(import.meta.url), path.join(root, "tsconfig.json"), path.join(root, "package.json")]
    .map(describeFile)
    .join("; ");
}

const isCurrent = (root, stamp, name, source) => {
  const known = stamp.get(name);
  return (
    known !== undefined &&
    known.source === source &&
    known.output === describeFile(path.join(root, "dist", getOutput(name)))
  );
};

function isFresh(root, sources) {
  const stamp = readStamp(root);
  if (stamp.size !== sources.size) return false;
  for (const [name, source] of sources) if (!isCurrent(root, stamp, name, source)) return false;
  return true;
}

async function build(root) {
  const sources = listSources(root);
  const stamp = readStamp(root);
  const stale = [...sources.keys()].filter((name) => !isCurrent(root, stamp, name, sources.get(name)));
  const compiled = await compile(
    root,
    stale.filter((name) => name.endsWith(".ts")),
  );
  for (const [output, contents] of compiled) replaceFile(output, contents);
  for (const name of stale.filter((name) => !name.endsWith(".ts"))) {
    replaceFile(path.join(root, "dist", name), fs.readFileSync(path.join(root, name)));
  }
  const removed = removeOrphans(root, new Set([...sources.keys()].map(getOutput)));
  const files = {};
  for (const [name, source] of sources) {
    files[name] = { source, output: describeFile(path.join(root, "dist", getOutput(name))) };
  }
  replaceFile(getStampFile(root), JSON.stringify({ builder: describeBuilder(root), files }));
  return { compiled: stale.length, removed };
}

async function compile(root, names) {
  if (names.length === 0) return new Map();
  const esbuild = await import("esbuild");
  try {
    const result = await esbuild.build({
      absWorkingDir: root,
      entryPoints: names,
      outbase: root,
      outdir: path.join(root, "dist"),
      format: "esm",
      target: "node20",
      platform: "node",
      sourcemap: "linked",
      charset: "utf8",
      logLevel: "silent",
      write: false,
    });
    return new Map(result.outputFiles.map((file) => [file.path, file.contents]));
  } catch (error) {
    const places = (error.errors ?? []).map(({ text, location }) =>
      location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
    );
    throw places.length === 0 ? error : new BuildError(`cannot compile\n  ${places.join("\n  ")}`);
  }
}

function replaceFile(file, contents) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.tmp`;
  fs.writeFileSync(temporary, contents);
  fs.renameSync(temporary, file);
}

/** Removes outputs whose source is gone: a stale module must fail to load, not run. */
function removeOrphans(root, wanted) {
  let removed = 0;
  const walk = (folder) => {
    for (const entry of readFolder(path.join(root, "dist", folder))) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else if (!name.startsWith(".") && !wanted.has(name.replace(/\.js\.map$/, ".js"))) {
        fs.rmSync(path.join(root, "dist", name), { force: true });
        removed += 1;
      }
    }
  };
  walk("");
  return removed;
}

/** Builds, or says in one line why not and ends the process. */
export async function ensureBuiltOrExit() {
  const major = Number(process.versions.node.split(".")[0]);
  try {
    if (major < 20) throw new BuildError(`Node 20 or newer is needed, this is ${process.version}`);
    await ensureBuilt();
  } catch (error) {
    process.stderr.write(`macfoundry: ${error instanceof BuildError ? error.message : error.stack}\n`);
    process.exit(1);
  }
}

if (isMain()) await ensureBuiltOrExit();

/** With `node -e`, argv[1] is any word. */
function isMain() {
  const script = process.argv[1];
  return script !== undefined && fs.existsSync(script) && fs.realpathSync(script) === fileURLToPath(import.meta.url);
}
