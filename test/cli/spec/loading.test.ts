import { describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const project = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const launcher = join(project, "bin/macfoundry");

/** Every file node loads while the command runs. */
function traceModules(argv: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "macfoundry-trace-"));
  try {
    const [hooks, register, log] = ["hooks.mjs", "register.mjs", "log"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(
      hooks,
      `import { appendFileSync } from "node:fs";
       export async function load(url, context, next) { appendFileSync(${JSON.stringify(log)}, url + "\\n"); return next(url, context); }`,
    );
    writeFileSync(
      register,
      `import { register } from "node:module"; register(${JSON.stringify(pathToFileURL(hooks).href)});`,
    );
    const input = "((from busybox) (run (shell true)) (copy (src .) (dst /x)))";
    execFileSync(process.execPath, ["--import", register, launcher, ...argv], { input, cwd: folder });
    return readFileSync(log, "utf8").trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("what the spec commands load", () => {
  it.each([["check"], ["print", "--form", "pp"], ["dockerfile"], ["ids", "--context", "."]])(
    "spec %s loads no package",
    (...argv) => {
      const [name = "", ...rest] = argv;
      const loaded = traceModules(["spec", name, "-", ...rest]);
      expect(loaded.some((url) => url.endsWith("/dist/cli/spec/main.js"))).toBe(true);
      // The compiler is there when a source has changed meanwhile; it is no part of the command.
      const packages = loaded.filter(
        (url) => url.includes("/node_modules/") && !url.includes("/node_modules/esbuild/"),
      );
      expect(packages).toEqual([]);
      expect(loaded.some((url) => url.endsWith("/dist/builder/ids/walk.js"))).toBe(name === "ids");
    },
  );
});
