import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { buildSpec, locateStore, type BuildRequest, type BuildResult } from "../../../builder/build/build.js";
import { prepareContext, type PinnedSource } from "../../../builder/fetch/index.js";
import { ocamlImageSpec } from "../../../builder/ocaml/index.js";
import { fromText, parseSpec, toBytes, type Spec } from "../../../builder/spec/index.js";
import { isMacfoundryError } from "../../../host/errors.js";
import { Host } from "../../../host/host.js";
import { openTransport } from "../../../host/open.js";
import { bootMac, type MacProfile, type SimMac } from "../../mac/fixture.js";
import { adoptableCompilerScript } from "../../sources/mac-compiler.mjs";
import { makeSources } from "../../sources/make.mjs";

// The whole chain in a simulated Mac: our SSH, jobs as the builder, the sandbox, the store.

const BUILDER = { name: "mac705", uid: 705, gid: 20, home: "/Users/mac705" };
const COMPILER = "/opt/ocaml/4.13.1";
const SETUP = (prefix: string): string => `
dscl . -create /Users/mac705
for pair in "UniqueID 705" "PrimaryGroupID 20" "UserShell /bin/bash" "NFSHomeDirectory /Users/mac705"; do
  dscl . -create /Users/mac705 $pair
done
mkdir -p /Users/mac705 ${prefix}
chown 705:20 /Users/mac705 ${prefix}
chmod 0700 /Users/mac705
${adoptableCompilerScript(COMPILER)}`;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-ocaml-mac-"));
const sources = makeSources(path.join(folder, "sources"));
const pinned = Object.entries(sources).map(([name, pin]): PinnedSource => {
  return "git" in pin ? { kind: "git", name, ...pin } : { kind: "archive", name, ...pin };
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function read(text: string): Spec {
  const parsed = parseSpec(toBytes(fromText(text)));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.spec;
}

describe.each<{ profile: MacProfile; arch: "x86_64" | "arm64"; prefix: string; brew: string }>([
  { profile: "intel-14", arch: "x86_64", prefix: "/usr/local", brew: "/usr/local/Homebrew" },
  { profile: "arm-15", arch: "arm64", prefix: "/opt/homebrew", brew: "/opt/homebrew" },
])("the OCaml image on $profile", ({ profile, arch, prefix, brew }) => {
  let mac: SimMac;
  let host: Host;
  let output = "";
  let built: BuildResult;
  const request = (spec: Spec, more: Partial<BuildRequest> = {}): BuildRequest => ({
    host,
    builder: { ...BUILDER, prefix },
    store: { engine: "rsync", mode: "copy", root: locateStore("/var/db/macfoundry/store", BUILDER.name) },
    spec,
    resolveBase: () => undefined,
    ...more,
  });
  const build = (spec: Spec, more: Partial<BuildRequest> = {}): Promise<BuildResult> => {
    output = "";
    return buildSpec(request(spec, more), { onOutput: (chunk) => (output += chunk.toString()) });
  };
  const onTop = (...steps: string[]): Spec => {
    return read(`((from ocaml)(shell /bin/bash -e -c)${steps.map((step) => `(run(shell"${step}"))`).join("")})`);
  };
  const base = {
    resolveBase: () => ({ path: `/var/db/macfoundry/store/mac705/result/${built.id}/rootfs`, digest: built.id }),
  };

  beforeAll(async () => {
    mac = await bootMac({ profile });
    await mac.run(SETUP(prefix));
    const { name, address, port, user, identityFile: identity, hostKey } = mac;
    const config = { name, address, port, user, identity, hostKey };
    host = new Host(config, openTransport(config));
    const context = await prepareContext(pinned, { cacheFolder: path.join(folder, "cache") });
    const image = ocamlImageSpec({
      ...{ ocamlVersion: "4.13.1", arch, prefix, opamVersions: ["2.0", "2.1"], defaultOpam: "2.1" },
      compilerPrefix: COMPILER,
      sources: { brew: sources.brew.commit, "opam-repository": sources["opam-repository"].commit },
    });
    built = await build(image.spec, { contextDir: context.folder }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${output}`);
    });
  }, 300_000);
  afterAll(async () => {
    await host?.close();
    await mac?.stop();
  });

  it("builds from an empty home and prefix, every step run once", () => {
    expect(built.steps.map(({ isCached }) => isCached)).toEqual(built.steps.map(() => false));
    expect(built.steps.map(({ kind }) => kind)).toEqual(["from", "run", "copy", "run", "run"]);
  });

  it("gives brew, opam and the compiler in an image on top, and what they install runs as the builder", async () => {
    const facts = "brew --prefix; brew --repository; git -C $(brew --repository) rev-parse HEAD; echo $PATH";
    await build(
      onTop("opam install say; brew install parade", `opam exec -- say hello there; parade Ada; id -un; ${facts}`),
      base,
    );
    expect(output).toContain("2 words on OCaml 4.13.1: hello there\nHello, Ada, from greet 1.2\nmac705\n");
    // Homebrew's repository lies where Homebrew has it on this architecture, at the pinned commit.
    expect(output).toContain(`\n${prefix}\n${brew}\n${sources.brew.commit}\n`);
    const path = output.trim().split("\n").at(-1)?.split(":").slice(0, 3);
    expect(path).toEqual([`${COMPILER}/bin`, `${prefix}/bin`, `${prefix}/sbin`]);
  }, 120_000);

  it("refuses a write outside of home, prefix and temporary folder", async () => {
    const error: unknown = await build(onTop("echo x > /Users/Shared/x"), base).catch((reason: unknown) => reason);
    expect(isMacfoundryError(error, "STEP_FAILED")).toBe(true);
    expect((await mac.exec("test -e /Users/Shared/x")).code).not.toBe(0);
  }, 120_000);
});
