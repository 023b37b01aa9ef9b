// A project folder of the demo's own: the clone's stacks with addresses, keys and sources filled in; never in the clone.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Document, parseDocument } from "yaml";
import { ROOT } from "../build.mjs";
import { makeSources } from "../../test/sources/make.mjs";

export function makeProject() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-demo-"));
  for (const name of ["stacks", "state"]) fs.mkdirSync(path.join(folder, name));
  // `main:` must lie below the project; the link makes it so without a copy of the program.
  fs.symlinkSync(ROOT, path.join(folder, "program"));
  const project = parseDocument(fs.readFileSync(path.join(ROOT, "Pulumi.yaml"), "utf8"));
  project.set("main", "program/stacks/main.js");
  project.setIn(["plugins", "providers", 0, "path"], "./program/provider/bin");
  fs.writeFileSync(path.join(folder, "Pulumi.yaml"), String(project));
  return { folder, sources: makeSources(path.join(folder, "sources")) };
}

/** Which file a stack of the demo has. */
export function stackFile({ folder }, stack) {
  return path.join(folder, "stacks", `Pulumi.${stack}.yaml`);
}

/** The committed stack with this run's Macs and sources. */
export function writeStack(project, stack, macs) {
  const document = parseDocument(fs.readFileSync(path.join(ROOT, "stacks", `Pulumi.${stack}.yaml`), "utf8"));
  const hosts = macs.map(({ host, address, port, user, identityFile, hostKey }) => [
    host,
    { address, port, user, identity: identityFile, hostKey },
  ]);
  document.setIn(["config", "macfoundry:hosts"], new Document(Object.fromEntries(hosts)).contents);
  document.setIn(["config", "fleet:sources"], new Document(project.sources).contents);
  fs.writeFileSync(stackFile(project, stack), String(document));
}

/** Relative paths of a committed stack (its specs) count from its own folder. */
export function copySpecs(project) {
  const specs = path.join(ROOT, "stacks", "specs");
  if (fs.existsSync(specs)) fs.cpSync(specs, path.join(project.folder, "stacks", "specs"), { recursive: true });
}
