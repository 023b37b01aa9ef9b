import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "../../tools/build.mjs";
import { findBuilt, getBuildFolder } from "../../tools/lib/pulumi.mjs";

// Seconds where Go's own caches are warm, as after set-up; some minutes where they are not.
const LIMIT_MS = 40 * 60_000;
const script = `import { buildPulumi } from ${JSON.stringify(path.join(ROOT, "tools/setup/pulumi-build.mjs"))};
  const say = (line) => process.stdout.write(line + "\\n");
  const built = await buildPulumi({ root: ${JSON.stringify(ROOT)}, say });
  say("GOT " + built.command);`;

let folder;
let env;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-pulumi-build-"));
  const goCache = execFileSync("go", ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  env = { ...process.env, XDG_CACHE_HOME: folder, GOCACHE: goCache };
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function startBuild() {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  const done = once(child, "close").then(([code]) => ({ code, text }));
  return { child, done };
}

const listBuilds = () =>
  fs.readdirSync(path.dirname(getBuildFolder(ROOT, env))).filter((name) => !name.endsWith(".lock"));

describe("the build of Pulumi in the cache", () => {
  it(
    "is done again from the start after it was killed in the middle, and nothing of the first try stays",
    async () => {
      const first = startBuild();
      await once(first.child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 1500));
      first.child.kill("SIGKILL");
      await first.done;
      expect(findBuilt(ROOT, env)).toBeUndefined();
      expect(listBuilds().some((name) => name.includes(".building-"))).toBe(true);
      const { code, text } = await startBuild().done;
      expect(text).toContain("GOT ");
      expect(code).toBe(0);
      expect(listBuilds()).toEqual([path.basename(getBuildFolder(ROOT, env))]);
      const { command, version } = findBuilt(ROOT, env);
      expect(execFileSync(command, ["version"], { encoding: "utf8" })).toBe(`v${version}\n`);
    },
    LIMIT_MS,
  );

  it(
    "is noticed to be broken and redone, once for two that ask at the same time",
    async () => {
      fs.truncateSync(path.join(getBuildFolder(ROOT, env), "bin", "pulumi"), 1000);
      const results = await Promise.all([startBuild().done, startBuild().done]);
      expect(results.map(({ code }) => code)).toEqual([0, 0]);
      const texts = results.map(({ text }) => text);
      expect(texts.filter((text) => text.includes("is broken: building it again"))).toHaveLength(1);
      expect(texts.filter((text) => text.includes("waiting for process"))).toHaveLength(1);
      expect(findBuilt(ROOT, env)).toBeDefined();
    },
    LIMIT_MS,
  );
});
