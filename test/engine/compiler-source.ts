import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { getCacheFolder } from "#tools/lib/folders.mjs";

export interface SourceArchive {
  path: string;
  sha256: string;
}

/**
 * Debian's source package of OCaml, whose archive is OCaml's own, kept in the user's cache. apt works on lists of its
 * own: this machine's have binary packages only, and are left as they are.
 */
export function fetchOcamlSource(version: string): SourceArchive {
  const folder = path.join(getCacheFolder(), "test-sources", `ocaml-${version}`);
  if (!fs.existsSync(path.join(folder, "done"))) download(folder);
  const name = fs.readdirSync(folder).find((file) => file.startsWith(`ocaml_${version}.orig.tar.`));
  if (name === undefined)
    throw new Error(`Debian's sources here have no OCaml ${version}: ${fs.readdirSync(folder).join(" ")}`);
  const file = path.join(folder, name);
  return { path: file, sha256: createHash("sha256").update(fs.readFileSync(file)).digest("hex") };
}

function download(folder: string): void {
  fs.rmSync(folder, { recursive: true, force: true });
  const own = (name: string): string => path.join(folder, "apt", name);
  for (const name of ["sources", "lists/partial", "cache/archives/partial"])
    fs.mkdirSync(own(name), { recursive: true });
  for (const [name, text] of readAptSources()) {
    fs.writeFileSync(
      path.join(own("sources"), name),
      text.replace(/^(Types:\s*)deb$/gm, "$1deb-src").replace(/^deb /gm, "deb-src "),
    );
  }
  const options = [
    ...["-o", "Dir::Etc::sourcelist=/dev/null", "-o", `Dir::Etc::sourceparts=${own("sources")}`],
    ...["-o", `Dir::State::lists=${own("lists")}`, "-o", `Dir::Cache=${own("cache")}`, "-o", "APT::Sandbox::User=root"],
  ];
  const run = (...words: string[]): void => {
    execFileSync("apt-get", [...options, "-qq", ...words], { cwd: folder, stdio: "pipe", timeout: 300_000 });
  };
  run("update");
  run("source", "--download-only", "ocaml");
  fs.rmSync(path.join(folder, "apt"), { recursive: true });
  fs.writeFileSync(path.join(folder, "done"), "");
}

function readAptSources(): [string, string][] {
  const parts = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...fs.readdirSync(parts).map((name) => path.join(parts, name))];
  return files
    .filter((file) => /\.(list|sources)$/.test(file) && fs.existsSync(file))
    .map((file) => [path.basename(file), fs.readFileSync(file, "utf8")]);
}
