import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "../../tools/build.mjs";
import { findExecutable } from "../../tools/lib/pulumi.mjs";
import { runCommand } from "../../tools/lib/run.mjs";
import { installCommandPlugin, readKind } from "../../tools/setup/command-plugin.mjs";
import { listMissing, readPackages, renderInstallCommand } from "../../tools/setup/debian.mjs";
import { hasCurrentModules } from "../../tools/setup/node-modules.mjs";

let folder;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-setup-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const write = (name, value) => {
  fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  fs.writeFileSync(path.join(folder, name), typeof value === "string" ? value : JSON.stringify(value));
};

describe("npm run setup", () => {
  const runSetup = (args, env) =>
    runCommand(process.execPath, [path.join(ROOT, "tools/setup.mjs"), ...args], { env, timeoutMs: 150_000 });

  /** A PATH with Node, npm and what else set-up asks, but neither Go nor Pulumi. */
  function makePoorPath() {
    const bin = path.join(folder, "bin");
    fs.mkdirSync(bin);
    for (const name of ["node", "npm", "dpkg-query", "sh", "env", "uname"]) {
      const found = findExecutable(name);
      if (found !== undefined)
        fs.symlinkSync(name === "node" ? process.execPath : fs.realpathSync(found), path.join(bin, name));
    }
    return bin;
  }

  it("says which versions it found first, and what is missing when Pulumi can neither be found nor built", async () => {
    const env = { ...process.env, PATH: makePoorPath(), XDG_CACHE_HOME: path.join(folder, "cache") };
    const { code, output } = await runSetup(["--for-use"], env);
    expect(output.split("\n")[0]).toMatch(
      /^setup: Node \d+\.\d+\.\d+, npm \d+\.\S+, Go 1\.25\.11 or newer is missing$/,
    );
    expect(output).toContain("NOT DONE: no Pulumi on PATH is new enough, and none can be built");
    expect(code).toBe(1);
  }, 180_000);

  it("takes a good Pulumi on PATH without any Go, and gives it the command plugin in our own home", async () => {
    const bin = makePoorPath();
    fs.writeFileSync(path.join(bin, "pulumi"), "#!/bin/sh\necho v3.300.0\n", { mode: 0o755 });
    fs.writeFileSync(path.join(bin, "pulumi-language-nodejs"), "#!/bin/sh\n", { mode: 0o755 });
    const env = {
      ...process.env,
      PATH: bin,
      XDG_CACHE_HOME: path.join(folder, "cache"),
      HOME: path.join(folder, "user"),
    };
    const { code, output } = await runSetup(["--for-use"], env);
    expect(output).toContain(`Pulumi 3.300.0 (${bin}/pulumi), command plugin: stand-in`);
    expect(code).toBe(0);
    expect(fs.existsSync(path.join(folder, "cache/macfoundry/pulumi-home/plugins/resource-command-v1.2.1"))).toBe(true);
    expect(fs.existsSync(path.join(folder, "user/.pulumi/plugins"))).toBe(false);
  }, 180_000);

  it("refuses an option it does not know", async () => {
    const { code, output } = await runSetup(["--fast"], process.env);
    expect(code).toBe(2);
    expect(output).toContain("usage: npm run setup");
  });
});

describe("node_modules", () => {
  const wanted = {
    "": { name: "x" },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/b": { version: "2.0.0", integrity: "sha512-b", optional: true },
  };
  const installed = { "node_modules/a": { version: "1.0.0", integrity: "sha512-a" } };
  const writeBoth = (note) => {
    write("package-lock.json", { packages: wanted });
    write("node_modules/.package-lock.json", { packages: note });
  };

  it("are current when npm's own note agrees with the lockfile, optional packages apart", () => {
    writeBoth(installed);
    expect(hasCurrentModules(folder)).toBe(true);
    fs.rmSync(path.join(folder, "node_modules/.package-lock.json"));
    expect(hasCurrentModules(folder)).toBe(true);
  });

  it.each([
    ["of another version", { "node_modules/a": { version: "1.0.1", integrity: "sha512-a" } }],
    ["with other bytes", { "node_modules/a": { version: "1.0.0", integrity: "sha512-z" } }],
    ["missing", {}],
    ["left over", { ...installed, "node_modules/c": { version: "1.0.0" } }],
  ])("are stale with a package %s", (_title, note) => {
    writeBoth(note);
    expect(hasCurrentModules(folder)).toBe(false);
  });

  it("are stale when the lockfile has changed since, and when there are none", () => {
    writeBoth(installed);
    expect(hasCurrentModules(folder)).toBe(true);
    write("package-lock.json", { packages: { ...wanted, "node_modules/d": { version: "1.0.0" } } });
    expect(hasCurrentModules(folder)).toBe(false);
    fs.rmSync(path.join(folder, "node_modules"), { recursive: true });
    expect(hasCurrentModules(folder)).toBe(false);
  });
});

describe("Debian packages", () => {
  it("are read from the list, with what real Macs need marked", () => {
    const packages = readPackages(ROOT);
    expect(packages).toContainEqual({ name: "openssh-client", isForUse: true });
    expect(packages).toContainEqual({ name: "xfsprogs", isForUse: false });
    expect(packages.every(({ name }) => /^[a-z0-9.+-]+$/.test(name))).toBe(true);
  });

  it("are asked of dpkg itself", () => {
    const missing = listMissing(["dpkg", "no-such-package-macfoundry"]);
    expect(missing).toEqual(["no-such-package-macfoundry"]);
    expect(renderInstallCommand(missing)).toBe(
      "sudo apt-get install -y --no-install-recommends no-such-package-macfoundry",
    );
  });
});

describe("the command plugin", () => {
  const lines = [];
  const install = (options = {}) =>
    installCommandPlugin({
      root: ROOT,
      pulumi: { command: path.join(folder, "pulumi") },
      say: (line) => lines.push(line),
      home: path.join(folder, "home"),
      canDownload: async () => false,
      ...options,
    });
  const plugin = () => path.join(folder, "home/plugins/resource-command-v1.2.1");

  it("is our stand-in where nothing can be downloaded, and that is said once", async () => {
    lines.length = 0;
    expect(await install()).toBe("stand-in");
    expect(lines.join("\n")).toContain("stand-in");
    const before = fs.statSync(path.join(plugin(), "stand-in.mjs")).mtimeMs;
    lines.length = 0;
    expect(await install()).toBe("stand-in");
    expect(lines).toEqual([]);
    expect(fs.statSync(path.join(plugin(), "stand-in.mjs")).mtimeMs).toBe(before);
  });

  it("starts outside any clone and prints its port first", async () => {
    await install();
    const lineSeen = [];
    const result = await runCommand(path.join(plugin(), "pulumi-resource-command"), ["127.0.0.1:1"], {
      cwd: "/",
      timeoutMs: 1500,
      onLine: (line) => lineSeen.push(line),
    });
    expect(result.timedOut).toBe(true);
    expect(lineSeen[0]).toMatch(/^\d+$/);
  });

  it("is made again when it is cut off or of an older source", async () => {
    await install();
    fs.rmSync(path.join(plugin(), "pulumi-resource-command"));
    expect(await install()).toBe("stand-in");
    expect(readKind(plugin())).toBe("stand-in");
    const marker = path.join(plugin(), "macfoundry-stand-in.json");
    fs.writeFileSync(marker, JSON.stringify({ ...JSON.parse(fs.readFileSync(marker, "utf8")), source: "old" }));
    expect(await install()).toBe("stand-in");
    expect(JSON.parse(fs.readFileSync(marker, "utf8")).source).not.toBe("old");
  });

  it("is Pulumi's own where that can be downloaded; it takes the stand-in's place a day later and is left alone then", async () => {
    await install();
    writeInstaller(`mkdir -p "$PULUMI_HOME/plugins/resource-command-v1.2.1"
      printf '#!/bin/sh\\n' > "$PULUMI_HOME/plugins/resource-command-v1.2.1/pulumi-resource-command"`);
    expect(await install({ canDownload: async () => true })).toBe("stand-in");
    const marker = path.join(plugin(), "macfoundry-stand-in.json");
    fs.writeFileSync(marker, JSON.stringify({ ...JSON.parse(fs.readFileSync(marker, "utf8")), triedAt: 0 }));
    expect(await install({ canDownload: async () => true })).toBe("real");
    expect(fs.readdirSync(plugin())).toEqual(["pulumi-resource-command"]);
    expect(await install()).toBe("real");
    expect(fs.readdirSync(path.join(folder, "home", "plugins"))).toEqual(["resource-command-v1.2.1"]);
  });

  it.each([
    ["fails", "exit 1"],
    [
      "is cut off",
      'mkdir -p "$PULUMI_HOME/plugins/resource-command-v1.2.1"; touch "$PULUMI_HOME/plugins/resource-command-v1.2.1.partial"',
    ],
  ])("is the stand-in when the download %s, and nothing of it stays", async (_title, body) => {
    writeInstaller(body);
    expect(await install({ canDownload: async () => true })).toBe("stand-in");
    expect(fs.readdirSync(folder).filter((name) => name.includes("download"))).toEqual([]);
  });

  function writeInstaller(body) {
    fs.writeFileSync(
      path.join(folder, "pulumi"),
      `#!/bin/sh\n[ "$1 $2 $3 $4 $5" = "plugin install resource command 1.2.1" ] || exit 9\n${body}\n`,
      {
        mode: 0o755,
      },
    );
  }
});
