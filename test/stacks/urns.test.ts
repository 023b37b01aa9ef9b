import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { readStackConfig } from "../../stacks/config/file.js";
import { renderProblems } from "../../stacks/config/load.js";
import type { HostEntry, StackConfig } from "../../stacks/config/types.js";
import { declareHost } from "../../stacks/declare-host.js";
import type { ImagePlan } from "../../stacks/describe-images.js";

const STACKS = path.resolve(import.meta.dirname, "../../stacks");

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-urns-"));
  fs.writeFileSync(path.join(folder, "key"), "a key");
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** URNs of one Mac of an example stack. The images' sources aren't there: their plans are made up, their names are not. */
async function listUrns(stack: string): Promise<string[]> {
  const loaded = await readStackConfig(path.join(STACKS, `Pulumi.${stack}.yaml`));
  if (!loaded.ok) throw new Error(renderProblems(loaded.problems));
  const { config } = loaded;
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: inputs as object }),
      call: ({ inputs }) => inputs as object,
    },
    "fleet",
    stack,
    false,
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor;
  // Pulumi's mock keeps only the nearest parent's type; the engine keeps all of them.
  monitor.newUrn = (parent, type, name) => {
    const above = parent === "" ? "" : `${parent.split("::")[2] ?? ""}$`;
    return `urn:pulumi:${stack}::fleet::${above}${type}::${name}`;
  };
  const entry: HostEntry = {
    ...(config.hosts[0] ?? makeHost()),
    name: "mac1",
    identity: path.join(folder, "key"),
    jump: undefined,
  };
  declareHost({ ...config, compilers: config.compilers.map(adopted) }, entry, config.images.map(plan), {});
  await pulumi.runtime.disconnect();
  return [...monitor.resources.keys()].sort();
}

interface MockMonitor {
  resources: Map<string, unknown>;
  newUrn(parent: string, type: string, name: string): string;
}

const adopted = ({ version, prefix }: StackConfig["compilers"][number]): StackConfig["compilers"][number] => ({
  version,
  prefix,
  configureArgs: [],
  adopt: true,
});

function makeHost(): HostEntry {
  return {
    name: "mac1",
    address: "127.0.0.1",
    port: 22,
    user: "administrator",
    hostKey: "ssh-ed25519 A",
    local: false,
    deleteUnreachable: false,
  };
}

function plan(entry: StackConfig["images"][number]): ImagePlan {
  const builder = { name: entry.builder, uid: 705, gid: 20, home: `/Users/${entry.builder}`, prefix: "/usr/local" };
  const recipe = "0123456789ab";
  return {
    entry,
    builder,
    spec: "((from x))",
    from: {},
    contextDir: undefined,
    contextDigest: undefined,
    recipe,
    path: "",
  };
}

/** A name that changes is another resource to Pulumi: it would delete and create. Change these only together with aliases. */
describe("URNs of the example stacks", () => {
  const golden = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, "urns.json"), "utf8")) as Record<
    string,
    string[]
  >;

  it.each(["demo-intel", "demo-arm", "macos-x86_64", "macos-arm64"])("of %s are as they were", async (stack) => {
    const urns = await listUrns(stack);
    expect(urns).toEqual(golden[stack]);
  });

  it("are at most 18 for a Mac with one image, its test included, and 3 for each further one", () => {
    for (const urns of Object.values(golden)) {
      const images = urns.filter((urn) => /macfoundry:state:BaseImage::/.test(urn)).length;
      expect(images).toBeGreaterThan(0);
      expect(urns.length).toBeLessThanOrEqual(18 + 3 * (images - 1));
    }
  });
});
