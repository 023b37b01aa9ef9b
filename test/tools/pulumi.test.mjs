import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "../../tools/build.mjs";
import {
  PINNED,
  askVersion,
  findBuilt,
  findPulumi,
  getBuildFolder,
  hashFile,
  readRequiredVersion,
  satisfies,
} from "../../tools/lib/pulumi.mjs";
import { getCacheFolder, getDataFolder } from "../../tools/lib/folders.mjs";

let folder;
let env;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-pulumi-"));
  env = { PATH: `${folder}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: path.join(folder, "cache"), HOME: folder };
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function writeProgram(file, text) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text, { mode: 0o755 });
}

/** Lays down programs of the built ones' names that really answer `version`, and a stamp that fits them. */
function writeBuild() {
  const target = getBuildFolder(ROOT, env);
  const files = {};
  for (const { name } of PINNED) {
    const file = path.join(target, "bin", name);
    writeProgram(file, "#!/bin/sh\necho v3.259.0\n");
    const { size, mtimeMs } = fs.statSync(file);
    files[name] = { size, mtimeMs, sha256: hashFile(file) };
  }
  fs.writeFileSync(path.join(target, "stamp.json"), JSON.stringify({ version: "3.259.0", files }));
  return target;
}

describe("findPulumi", () => {
  it("takes the one on PATH when it is new enough and has its language host", () => {
    writeProgram(`${folder}/bin/pulumi`, "#!/bin/sh\necho v3.300.1\n");
    writeProgram(`${folder}/bin/pulumi-language-nodejs`, "#!/bin/sh\n");
    expect(findPulumi({ root: ROOT, env })).toEqual({
      command: `${folder}/bin/pulumi`,
      version: "3.300.1",
      source: "PATH",
    });
  });

  it.each([
    ["too old", "echo v3.200.0", true],
    ["a build that does not know its version", "echo", true],
    ["broken", "exit 1", true],
    ["without a language host", "echo v3.300.0", false],
  ])("does not take one that is %s, but the built one", (_title, body, hasHost) => {
    writeProgram(`${folder}/bin/pulumi`, `#!/bin/sh\n${body}\n`);
    if (hasHost) writeProgram(`${folder}/bin/pulumi-language-nodejs`, "#!/bin/sh\n");
    expect(findPulumi({ root: ROOT, env })).toBeUndefined();
    const target = writeBuild();
    expect(findPulumi({ root: ROOT, env })).toEqual({
      command: `${target}/bin/pulumi`,
      version: "3.259.0",
      source: "cache",
    });
  });
});

describe("a build in the cache", () => {
  it("is known by its stamp", () => {
    writeBuild();
    expect(findBuilt(ROOT, env)?.version).toBe("3.259.0");
  });

  it.each([
    ["has no stamp", (target) => fs.rmSync(`${target}/stamp.json`)],
    ["has half a stamp", (target) => fs.truncateSync(`${target}/stamp.json`, 20)],
    ["misses a program", (target) => fs.rmSync(`${target}/bin/pulumi-language-nodejs`)],
    ["was cut off", (target) => fs.truncateSync(`${target}/bin/pulumi`, 3)],
    [
      "has other bytes of the same length",
      (target) => fs.writeFileSync(`${target}/bin/pulumi`, "#!/bin/sh\necho v3.259.9\n"),
    ],
    ["cannot be run", (target) => fs.chmodSync(`${target}/bin/pulumi`, 0o644)],
  ])("does not count when it %s", (_title, damage) => {
    damage(writeBuild());
    expect(findBuilt(ROOT, env)).toBeUndefined();
  });

  it("counts when only its times have changed, as after a copy", () => {
    const target = writeBuild();
    fs.utimesSync(`${target}/bin/pulumi`, 1, 1);
    expect(findBuilt(ROOT, env)).toBeDefined();
  });

  it("lies in the user's cache under a name made from the pinned modules", () => {
    expect(getBuildFolder(ROOT, env)).toMatch(new RegExp(`^${folder}/cache/macfoundry/pulumi/[0-9a-f]{16}$`));
  });
});

describe("versions", () => {
  it.each([
    ["3.227.0", true],
    ["3.259.1", true],
    ["4.0.0", true],
    ["3.226.9", false],
    ["2.999.0", false],
    ["3.227.0-alpha.1", false],
    ["3.228.0-dev", true],
  ])("%s satisfies >=3.227.0: %s", (version, expected) => {
    expect(satisfies(version, "3.227.0")).toBe(expected);
  });

  it("reads the range from Pulumi.yaml, which the pinned CLI satisfies", () => {
    expect(satisfies(PINNED[0].version.slice(1), readRequiredVersion(ROOT))).toBe(true);
  });

  it("asks a program once and believes only a version", () => {
    writeProgram(`${folder}/p`, "#!/bin/sh\necho 'v1.2.3'\n");
    writeProgram(`${folder}/q`, "#!/bin/sh\necho 'v1.2.3 extra'\n");
    expect([askVersion(`${folder}/p`), askVersion(`${folder}/q`), askVersion(`${folder}/none`)]).toEqual([
      "1.2.3",
      undefined,
      undefined,
    ]);
  });
});

describe("folders", () => {
  it("follow the user's choice, when it is an absolute path", () => {
    expect(getCacheFolder({ XDG_CACHE_HOME: "/c" })).toBe("/c/macfoundry");
    expect(getDataFolder({ XDG_DATA_HOME: "/d" })).toBe("/d/macfoundry");
    expect(getCacheFolder({ XDG_CACHE_HOME: "relative" })).toBe(path.join(os.homedir(), ".cache/macfoundry"));
    expect(getDataFolder({})).toBe(path.join(os.homedir(), ".local/share/macfoundry"));
  });
});
