// Which Pulumi is used: the one on PATH when it is new enough, else the one that set-up builds from pinned Go modules.
import * as fs from "node:fs";
import * as path from "node:path";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { getCacheFolder } from "./folders.mjs";

/** The last releases that the module proxy serves whole; the language host's own module is newer but has no tags. */
export const PINNED = [
  {
    name: "pulumi",
    folder: "pulumi-cli",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    version: "v3.259.0",
    tags: "osusergo,grpcnotrace",
  },
  {
    name: "pulumi-language-nodejs",
    folder: "language-host",
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    version: "v3.68.0",
    tags: "",
  },
];

/** Names the build: another pin, another recipe or another kind of machine is another build. */
export function getBuildKey(root) {
  const hash = createHash("sha256").update(JSON.stringify([PINNED, process.platform, process.arch]));
  for (const { folder } of PINNED) {
    for (const file of ["go.mod", "go.sum"]) hash.update(fs.readFileSync(path.join(root, "tools", folder, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

export function getBuildFolder(root, env = process.env) {
  return path.join(getCacheFolder(env), "pulumi", getBuildKey(root));
}

/** A PULUMI_HOME of our own: the stand-in for the command plugin lives only here, never in the user's. */
export function getPulumiHome(env = process.env) {
  return path.join(getCacheFolder(env), "pulumi-home");
}

/**
 * The CLI to use, or undefined when set-up has to build it.
 * @returns {{ command: string, version: string, source: "PATH" | "cache" } | undefined}
 */
export function findPulumi({ root, env = process.env }) {
  return findOnPath(root, env) ?? findBuilt(root, env);
}

function findOnPath(root, env) {
  const command = findExecutable("pulumi", env);
  if (command === undefined) return undefined;
  const beside = path.join(path.dirname(fs.realpathSync(command)), "pulumi-language-nodejs");
  if (!isExecutable(beside) && findExecutable("pulumi-language-nodejs", env) === undefined) return undefined;
  const version = askVersion(command, env);
  if (version === undefined || !satisfies(version, readRequiredVersion(root))) return undefined;
  return { command, version, source: "PATH" };
}

/** Compares the files with the stamp that the build wrote as its last act: a broken or cut-off build has none that fits. */
export function findBuilt(root, env = process.env) {
  const folder = getBuildFolder(root, env);
  let stamp;
  try {
    stamp = JSON.parse(fs.readFileSync(path.join(folder, "stamp.json"), "utf8"));
  } catch {
    return undefined;
  }
  for (const { name } of PINNED) {
    const file = path.join(folder, "bin", name);
    const known = stamp.files?.[name];
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (known === undefined || stat === undefined || stat.size !== known.size || !isExecutable(file)) return undefined;
    if (stat.mtimeMs !== known.mtimeMs && hashFile(file) !== known.sha256) return undefined;
  }
  return { command: path.join(folder, "bin", "pulumi"), version: stamp.version, source: "cache" };
}

export function hashFile(file) {
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

/** `pulumi version` without the leading v; undefined when it does not run or says nothing (a build without its stamp). */
export function askVersion(command, env = process.env) {
  const result = spawnSync(command, ["version"], {
    encoding: "utf8",
    timeout: 20_000,
    env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const match = /^v?(\d+\.\d+\.\d+\S*)$/.exec((result.stdout ?? "").trim());
  return result.status === 0 && match !== null ? match[1] : undefined;
}

/** The range in Pulumi.yaml; only `>=X.Y.Z` is used there. */
export function readRequiredVersion(root) {
  const text = fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8");
  const match = /^requiredPulumiVersion:\s*["']?>=\s*(\d+\.\d+\.\d+)["']?\s*$/m.exec(text);
  if (match === null) throw new Error("Pulumi.yaml: requiredPulumiVersion must have the form >=X.Y.Z");
  return match[1];
}

/** Whether `version` is at least `minimum`; a pre-release of the minimum itself is not. */
export function satisfies(version, minimum) {
  const [numbers, prerelease] = version.split(/-(.*)/s);
  const a = numbers.split(".").map(Number);
  const b = minimum.split(".").map(Number);
  for (let i = 0; i < 3; i++) if (a[i] !== b[i]) return a[i] > b[i];
  return prerelease === undefined || prerelease === "";
}

export function findExecutable(name, env = process.env) {
  for (const folder of (env.PATH ?? "").split(path.delimiter)) {
    const file = path.join(folder, name);
    if (folder !== "" && isExecutable(file)) return file;
  }
  return undefined;
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
