import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { DiskTree } from "../../../builder/copy/tree.js";
import { describeSource } from "../../../builder/copy/manifest.js";
import { normaliseDestination } from "../../../builder/copy/entries.js";
import { streamCopy } from "../../../builder/copy/tar.js";
import { defaultContext, type BuildContext, type IdCompat } from "../../../builder/ids/context.js";
import { manifestToSexp, type StepId } from "../../../builder/ids/ids.js";
import { StepRefused, walkSpec, type CopyStep, type FromStep, type RunStep } from "../../../builder/ids/walk.js";
import { VirtualTree } from "../../../builder/copy/virtual.js";
import { parseSpec } from "../../../builder/spec/parse.js";
import { printMach } from "../../../builder/spec/print.js";
import { asBytes, toBytes } from "../../../builder/spec/bytes.js";
import type { SourceTree } from "../../../builder/copy/tree.js";
import {
  bufferOf,
  bytesOf,
  loadTarStreams,
  loadVectors,
  makeFixture,
  type Build,
  type Context,
  type SpecVector,
} from "../../golden/load.js";

const vectors = loadVectors();
const streams = loadTarStreams();
let root = "";

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "macfoundry-golden-"));
  for (const name of Object.keys(vectors.fixtures)) makeFixture(vectors, name, join(root, name));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Step = FromStep | RunStep | CopyStep;

interface Walked {
  steps: Step[];
  sequence: [string, string][];
  log: [string, string][];
  result: { ok: string } | { error: string };
}

function contextOf(context: Required<Context>, compat: IdCompat): BuildContext {
  const { user } = context;
  return {
    env: context.env.map(([name, value]) => [bytesOf(name), bytesOf(value)]),
    user:
      "name" in user
        ? { kind: "windows", name: bytesOf(user.name) }
        : { kind: "unix", uid: BigInt(user.uid), gid: BigInt(user.gid) },
    workdir: bytesOf(context.workdir),
    shell: context.shell.map(bytesOf),
    compat,
  };
}

/** Does what the recording did: fake commands that print `ran COMMAND` and fail for FAIL. */
async function walk(vector: SpecVector, build: Build, compat: IdCompat = "master"): Promise<Walked> {
  const parsed = parseSpec(bufferOf(vector.source));
  if (!parsed.ok) throw new Error(parsed.errors.map(({ message }) => message).join("\n"));
  const context = { ...vectors.default_context, ...build.context };
  const walked: Walked = { steps: [], sequence: [], log: [], result: { error: "" } };
  const trees = new Map<StepId, VirtualTree>();
  const disks = new Map<StepId, DiskTree>();
  const meet = (step: Step): "saved" | "cached" => {
    const isKnown = walked.steps.some(({ id }) => id === step.id);
    if (!isKnown) walked.steps.push(step);
    walked.sequence.push([step.id, isKnown ? "cached" : "saved"]);
    return isKnown ? "cached" : "saved";
  };
  try {
    const id = await walkSpec<SourceTree>(parsed.spec, contextOf(context, compat), {
      from: (step) => {
        const outcome = meet(step);
        const name = step.name as string;
        if (name === "no-such-image") throw new Error(`Failure("no such image \\"${name}\\"")`);
        const image = vectors.images[name] ?? vectors.image_default;
        if (image.rootfs !== null) disks.set(step.id, new DiskTree(join(root, image.rootfs)));
        const disk = disks.get(step.id);
        trees.set(step.id, disk === undefined ? VirtualTree.empty() : VirtualTree.of(disk));
        return Promise.resolve({ outcome, env: image.env.map(([key, value]) => [bytesOf(key), bytesOf(value)]) });
      },
      run: (step) => {
        const outcome = meet(step);
        if (step.op.shell === "FAIL") throw new Error("mock failure");
        if (step.op.cache.some(({ id }) => id.includes("/"))) throw new Error("cache name");
        walked.log.push(["output", `ran ${step.op.shell}\n`]);
        trees.set(step.id, trees.get(step.parent) ?? VirtualTree.empty());
        return Promise.resolve(outcome);
      },
      copy: (step) => {
        const outcome = meet(step);
        if (step.plan.dst.includes("..")) throw new Error("tar failed");
        trees.set(step.id, (trees.get(step.parent) ?? VirtualTree.empty()).withCopy(step.plan));
        return Promise.resolve(outcome);
      },
      openSource: (source) =>
        source.kind === "context"
          ? new DiskTree(join(root, context.src))
          : (trees.get(source.id) ?? VirtualTree.empty()),
      findSecret: (wanted) => {
        const found = context.secrets.find(([id]) => bytesOf(id) === wanted);
        return found && bytesOf(found[1]);
      },
      log: (kind, text) => walked.log.push([kind, text]),
    });
    walked.result = { ok: id };
  } catch (error) {
    walked.result = { error: error instanceof Error ? error.message : String(error) };
  }
  return walked;
}

const cases = [...vectors.valid, ...vectors.buildfail].flatMap((vector) =>
  vector.builds.map((build) => ({ vector, build, name: vector.name, label: build.label })),
);

describe("steps are those of the original", () => {
  it.each(cases)("$name ($label): ids, preimages, order, log, result", async ({ vector, build }) => {
    const walked = await walk(vector, build);
    expect(walked.steps.map(({ kind, id, preimage }) => ({ kind, id, preimage }))).toEqual(
      build.steps.map(({ kind, id, preimage }) => ({ kind, id, preimage: bytesOf(preimage) })),
    );
    expect(walked.steps.map((step) => (step.kind === "from" ? null : step.parent))).toEqual(
      build.steps.map(({ parent }) => parent),
    );
    if ("ok" in build.result) {
      expect(walked.result).toEqual(build.result);
      expect(walked.sequence).toEqual(build.sequence);
    } else if (!build.result.error.message.startsWith("Unix.Unix_error")) {
      expect(walked.result).toEqual({ error: build.result.error.message });
    }
    const heard = walked.log.filter(([kind]) => kind !== "output");
    expect(heard).toEqual(build.log.filter(([kind]) => kind !== "output").map(([kind, text]) => [kind, bytesOf(text)]));
  });

  const older = cases.filter(({ build }) => build.ids_in_older_versions !== undefined);
  it.each(older)("$name ($label): ids of OBuilder 0.6 with its rule for relative paths", async ({ vector, build }) => {
    const walked = await walk(vector, build, "0.6");
    expect(walked.steps.map(({ id }) => id)).toEqual(build.ids_in_older_versions?.["v0.6.0"]);
    expect(build.ids_in_older_versions?.["v0.5.1"]).toEqual(build.ids_in_older_versions?.["v0.6.0"]);
  });

  it("version 0.5 differs from 0.6 in the default shell only", () => {
    expect(defaultContext("0.5").shell).toEqual(["/bin/bash", "-c"]);
    expect(defaultContext("0.6").shell).toEqual(["/usr/bin/env", "bash", "-c"]);
    expect(defaultContext()).toEqual({ ...defaultContext("0.6"), compat: "master" });
  });
});

describe("copy streams are those of the original, byte for byte", () => {
  const copies = cases.filter(({ build }) => build.steps.some(({ tar }) => tar !== undefined));
  it.each(copies)("$name ($label)", async ({ vector, build }) => {
    const walked = await walk(vector, build);
    for (const expected of build.steps.filter(({ tar }) => tar !== undefined)) {
      const step = walked.steps.find(({ id }) => id === expected.id);
      if (step?.kind !== "copy") throw new Error(`${expected.id} is no copy`);
      // Files of nested builds have no content in a tree that is only thought of.
      if (!(step.source instanceof DiskTree)) continue;
      const chunks: Buffer[] = [];
      for await (const chunk of streamCopy(step.source, step.plan, step.context.user)) chunks.push(chunk);
      const stream = Buffer.concat(chunks);
      const whole = streams[expected.tar?.sha256 ?? ""];
      if (whole !== undefined) expect(stream.equals(inflateSync(Buffer.from(whole, "base64")))).toBe(true);
      expect(createHash("sha256").update(stream).digest("hex")).toBe(expected.tar?.sha256);
    }
  });

  it.each(vectors.tar_normalize_path)("the destination %p is named %p", (input, output) => {
    expect(normaliseDestination(bytesOf(input))).toBe(bytesOf(output));
  });
});

describe("sources are described as the original describes them", () => {
  it.each(vectors.manifest)("$src without $exclude in $fixture", async ({ src, exclude, fixture, manifest, error }) => {
    const tree = new DiskTree(join(root, fixture));
    const result = await describeSource(tree, bytesOf(src), exclude.map(bytesOf));
    if (error !== undefined) expect(result).toEqual({ ok: false, message: toBytes(bytesOf(error)).toString() });
    else expect(result.ok && printMach(manifestToSexp(result.item))).toBe(bytesOf(manifest ?? ""));
  });
});

it("a refused step says which part of which op is to blame", async () => {
  const parsed = parseSpec(Buffer.from("((from x) (copy (src a b) (dst /d/)))"));
  if (!parsed.ok) throw new Error("refused");
  const refused = walkSpec(parsed.spec, defaultContext(), {
    from: () => Promise.resolve({ outcome: "saved", env: [] }),
    run: () => Promise.resolve("saved"),
    copy: () => Promise.resolve("saved"),
    openSource: () => ({
      lookAt: (path) => (path === "a" ? { kind: "dir", size: 0, mtimeSeconds: 0, isExecutable: false } : undefined),
      listNames: () => [],
      readLink: () => asBytes(""),
      hashFile: () => "",
    }),
    findSecret: () => undefined,
  });
  await expect(refused).rejects.toBeInstanceOf(StepRefused);
  await expect(refused).rejects.toMatchObject({ part: "src.1", message: 'Source path "b" not found' });
});
