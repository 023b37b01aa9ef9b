import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSpec } from "../../../builder/spec/index.js";
import { readStackConfig } from "../../../stacks/config/file.js";
import { renderProblems } from "../../../stacks/config/load.js";
import { configSchema } from "../../../stacks/config/schema.js";
import type { StackConfig } from "../../../stacks/config/types.js";
import { makeBrew, makeOpamRepository } from "../../sources/make.mjs";

const STACKS = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../../stacks");

async function load(name: string): Promise<StackConfig> {
  const loaded = await readStackConfig(path.join(STACKS, name));
  if (!loaded.ok) throw new Error(renderProblems(loaded.problems));
  return loaded.config;
}

describe("the committed stacks", () => {
  const names = readdirSync(STACKS).filter((name) => /^Pulumi\..+\.yaml$/.test(name));

  it.each(names)("%s is valid, and names the schema for editors", async (name) => {
    await load(name);
    expect(readFileSync(path.join(STACKS, name), "utf8")).toMatch(/^# yaml-language-server: \$schema=schema\.json\n/);
  });

  it("cover both architectures, as real pools and as demos", async () => {
    const stacks = ["macos-x86_64", "macos-arm64", "demo-intel", "demo-arm"];
    const configs = await Promise.all(stacks.map((stack) => load(`Pulumi.${stack}.yaml`)));
    expect(configs.map(({ expect: { arch } }) => arch)).toEqual(["x86_64", "arm64", "x86_64", "arm64"]);
    expect(configs.map(({ hosts }) => hosts.length)).toEqual([4, 4, 0, 0]);
  });

  it("give a real pool's Macs everything that SSH needs", async () => {
    const [host] = (await load("Pulumi.macos-arm64.yaml")).hosts;
    expect(host).toEqual({
      name: "m1-worker-01",
      address: "m1-worker-01.macos.example.org",
      port: 22,
      user: "administrator",
      identity: "~/.ssh/macfoundry",
      hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkvitDYywTPWgIrGLCl3duHiYq/Zg6dwNfgaZwfBANE",
      jump: "gateway.macos.example.org",
      local: false,
      deleteUnreachable: false,
    });
  });

  it("let the demo's image on top start from the OCaml base under the name its spec uses", async () => {
    const { images } = await load("Pulumi.demo-intel.yaml");
    const tools = images.find(({ name }) => name === "tools");
    expect(images.map(({ name }) => name)).toEqual(["ocaml-4.13", "tools"]);
    if (tools?.kind !== "spec") throw new Error("tools is no image from a spec");
    const parsed = parseSpec(readFileSync(tools.spec));
    expect(parsed.ok && Object.keys(tools.from)).toEqual([parsed.ok && parsed.spec.from]);
  });
});

describe("stacks/schema.json", () => {
  it("is the schema that the loader checks with", () => {
    const written: unknown = JSON.parse(readFileSync(path.join(STACKS, "schema.json"), "utf8"));
    // To write it anew: see the head of stacks/config/schema.ts.
    expect(written).toEqual(configSchema);
  });
});

describe("the demo's pinned sources", () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-pins-"));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it.each(["demo-intel", "demo-arm"])("in %s are the commits that the makers make", async (stack) => {
    const { sources } = await load(`Pulumi.${stack}.yaml`);
    const made = {
      brew: makeBrew(path.join(folder, "brew")).commit,
      "opam-repository": makeOpamRepository(path.join(folder, "opam-repository")).commit,
    };
    for (const [name, commit] of Object.entries(made)) expect(sources[name]).toMatchObject({ kind: "git", commit });
  });
});
