import * as fs from "node:fs";
import * as path from "node:path";
import { spawnSync } from "node:child_process";

const SKIPPED = new Set(["node_modules", "dist", ".git"]);

/** The project's own files, relative to root: what git tracks or would, or everything where there is no git. */
export function listProjectFiles(root) {
  const git = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  const names = git.status === 0 ? git.stdout.split("\0").filter((name) => name !== "") : walk(root, "");
  return names
    .filter((name) => fs.lstatSync(path.join(root, name), { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}

function walk(root, folder) {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (SKIPPED.has(entry.name)) return [];
    return entry.isDirectory() ? walk(root, name) : [name];
  });
}
