// Which registry the packages come from is for each machine's npm to know: the lockfile has versions and hashes only.
import * as fs from "node:fs";
import * as path from "node:path";

/** @returns {string[]} findings */
export function checkLockfile(root) {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages).flatMap(([name, entry]) => {
    if (name === "" || entry.link === true) return [];
    if (/^(https?|git)/.test(entry.resolved ?? ""))
      return [`package-lock.json: ${name} has an address: npm install again with this .npmrc`];
    return entry.integrity === undefined ? [`package-lock.json: ${name} has no integrity`] : [];
  });
}
