import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { readImageInputs } from "../../../cli/build/image-inputs.js";
import { bootMac, type SimMac } from "../../mac/fixture.js";
import { adoptableCompilerScript } from "../../sources/mac-compiler.mjs";
import { makeSources } from "../../sources/make.mjs";

jest.setTimeout(240_000);

const BIN = join(dirname(fileURLToPath(import.meta.url)), "../../../bin/macfoundry");
const COMPILER = "/opt/ocaml/4.13.1";

describe("macfoundry build --ocaml-version", () => {
  let mac: SimMac;
  const folder = mkdtempSync(join(tmpdir(), "mf-ocaml-cli-"));
  const sources = makeSources(join(folder, "sources"));
  beforeAll(async () => {
    mac = await bootMac({ profile: "arm-15" });
    await mac.run(`set -e
dscl . -create /Users/mac705
for pair in "UniqueID 705" "PrimaryGroupID 20" "UserShell /bin/bash" "NFSHomeDirectory /Users/mac705"; do dscl . -create /Users/mac705 $pair; done
mkdir -p /Users/mac705 /opt/homebrew
chown 705:20 /Users/mac705 /opt/homebrew
chmod 0700 /Users/mac705
${adoptableCompilerScript(COMPILER)}`);
    const { address, port, user, identityFile: identity, hostKey } = mac;
    const config = {
      "macfoundry:hosts": { mini: { address, port, user, identity, hostKey } },
      "fleet:compilers": [{ version: "4.13.1", prefix: COMPILER, adopt: true }],
      "fleet:images": {
        ocaml: { builder: "mac705", spec: "ocaml", compiler: "4.13.1", opam: ["2.0", "2.1"], default: "2.1" },
      },
      "fleet:sources": sources,
    };
    writeFileSync(join(folder, "Pulumi.pool.yaml"), JSON.stringify({ config }));
  });
  afterAll(async () => {
    await mac.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const env = {
        ...process.env,
        MACFOUNDRY_STACK_FILE: join(folder, "Pulumi.pool.yaml"),
        XDG_CACHE_HOME: join(folder, "cache"),
      };
      const child = execFile(process.execPath, [BIN, ...words], { env, maxBuffer: 1 << 26 }, (_, stdout, stderr) =>
        resolve({ code: child.exitCode ?? 255, stdout, stderr }),
      );
    });

  it("takes the image builder's command line and builds the base image with brew, both opams and the compiler", async () => {
    const words = ["--rsync=/Volumes/rsync", "--uid=705", "--fallback=/f", "--scoreboard=/s", "--verbosity=info"];
    const end = await run("build", "--ocaml-version=4.13.1", ...words, "--host", "mini");
    expect({ ...end, stdout: end.code === 0 ? "" : end.stdout }).toMatchObject({ code: 0, stdout: "" });
    const id = /^Got: "([0-9a-f]{64})"$/m.exec(end.stdout)?.[1] ?? "";
    expect(end.stderr).toContain("--fallback and --scoreboard are obuilderfs's");
    expect(end.stderr).toContain("macfoundry: step 5 of 5: ");
    const local = `/Volumes/rsync/result/${id}/rootfs/local`;
    expect(await mac.run(`cd ${local}/bin; ls | sort; readlink opam`)).toBe(
      "brew\nopam\nopam-2.0\nopam-2.1\nopam-2.1\n",
    );
  });

  it("says what is missing for a version that the stack has no image of", async () => {
    const end = await run("build", "--ocaml-version=5.3.0", "--rsync=/Volumes/rsync", "--uid=705", "--host", "mini");
    expect(end).toMatchObject({
      code: 125,
      stderr: expect.stringMatching(/no image with spec: ocaml and compiler: "5\.3\.0"/),
    });
  });
});

it("reads an image's inputs from a stack file: paths from the file, the compiler's place, and refuses what is not pinned", () => {
  const text = `config:
  fleet:images: { a: { spec: ocaml, compiler: "4.14.2", opam: ["2.1"], env: { A: b } } }
  fleet:sources:
    brew: { git: https://brew.test/brew, commit: "00" }
    opam-2.1: { path: opam, sha256: "11" }
    opam-repository: { git: { secure: x }, commit: "22" }
`;
  const inputs = readImageInputs(text, "f", "4.14.2", (name) => `/stacks/${name}`);
  expect(inputs).toMatchObject({
    compilerPrefix: "/Library/macfoundry/ocaml/4.14.2",
    opamVersions: ["2.1"],
    defaultOpam: "2.1",
    env: { A: "b" },
  });
  expect(inputs.source("brew")).toEqual({ kind: "git", name: "brew", git: "https://brew.test/brew", commit: "00" });
  expect(inputs.source("opam-2.1")).toEqual({ kind: "archive", name: "opam-2.1", path: "/stacks/opam", sha256: "11" });
  expect(() => inputs.source("opam-repository")).toThrow(/in plain/);
  expect(() => readImageInputs("", "f", "4.14.2", String)).toThrow(/CONFIG_INVALID/);
});
