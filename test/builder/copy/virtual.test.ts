import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeSource, planCopy } from "../../../builder/copy/manifest.js";
import { sendCopy } from "../../../builder/copy/send.js";
import { DiskTree, type SourceTree } from "../../../builder/copy/tree.js";
import { VirtualTree } from "../../../builder/copy/virtual.js";
import { manifestToSexp, type Manifest } from "../../../builder/ids/ids.js";
import { asBytes, fromText } from "../../../builder/spec/bytes.js";
import { copy } from "../../../builder/spec/compose.js";
import { printMach } from "../../../builder/spec/print.js";

let root = "";
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), "macfoundry-virtual-"));
  for (const [name, text] of Object.entries({
    "source/a/x": "ax",
    "source/a/deep/y": "y",
    "source/b": "b",
    "source/full/z": "z",
    "base/etc/conf": "conf",
    "base/usr/lib/real/lib": "lib",
    "base/file": "file",
    "base/keep/me": "me",
  })) {
    fs.mkdirSync(join(root, name, ".."), { recursive: true });
    fs.writeFileSync(join(root, name), text);
  }
  fs.mkdirSync(join(root, "base/empty"));
  fs.mkdirSync(join(root, "source/hollow"));
  fs.symlinkSync("usr/lib", join(root, "base/lib"));
  fs.symlinkSync("/etc", join(root, "base/abs"));
  fs.symlinkSync("../../etc", join(root, "base/usr/up"));
  fs.symlinkSync("round", join(root, "base/round"));
  fs.symlinkSync("nowhere", join(root, "base/dangling"));
  fs.symlinkSync("a", join(root, "source/link"));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

async function describeWhole(tree: SourceTree): Promise<string> {
  const result = await describeSource(tree, asBytes("."), []);
  if (!result.ok) throw new Error(result.message);
  return printMach(manifestToSexp(result.item));
}

/** Runs the copies with the machine's tar, in a root of their own where absolute links stay inside. */
async function extract(directory: string, src: string[], dst: string): Promise<void> {
  const tree = new DiskTree(join(root, "source"));
  const planned = await planCopy(tree, copy(src, dst), fromText(dst));
  if (!planned.ok) throw new Error(planned.message);
  const tar = spawn("tar", ["-xf", "-", "-C", directory], { stdio: ["pipe", "ignore", "ignore"] });
  const ended = new Promise((resolve) => tar.on("close", resolve));
  await sendCopy(tree, planned.plan, { kind: "unix", uid: 0n, gid: 0n }, tar.stdin);
  await ended;
}

describe("a tree that is only thought of holds what tar would have put there", () => {
  const cases: { name: string; steps: [src: string[], dst: string][] }[] = [
    { name: "a new directory", steps: [[["a", "b"], "/new/place/"]] },
    {
      name: "into one that is there",
      steps: [
        [["a"], "/etc/"],
        [["b"], "/etc/a/x"],
      ],
    },
    { name: "the whole source over the root", steps: [[["."], "/"]] },
    {
      name: "a file over a file, a link, a link to a directory",
      steps: [
        [["b"], "/file"],
        [["b"], "/dangling"],
        [["b"], "/lib"],
      ],
    },
    {
      name: "a file over an empty directory and a full one",
      steps: [
        [["b"], "/empty"],
        [["b"], "/keep"],
      ],
    },
    { name: "a directory over a file", steps: [[["a"], "/file"]] },
    { name: "a directory over a link to one", steps: [[["a"], "/lib"]] },
    {
      name: "a link over files and directories",
      steps: [
        [["link"], "/file"],
        [["link"], "/empty"],
        [["link"], "/keep"],
      ],
    },
    { name: "through a link on the way", steps: [[["b"], "/lib/real/b"]] },
    { name: "through a link, with entries for the way", steps: [[["b"], "/lib/sub/"]] },
    { name: "through a file", steps: [[["b"], "/file/b"]] },
    { name: "round in a circle", steps: [[["b"], "/round/b"]] },
    {
      name: "empty directories",
      steps: [
        [["hollow"], "/h"],
        [["hollow"], "/keep/"],
      ],
    },
    { name: "upwards", steps: [[["b"], "/etc/../b"]] },
    {
      name: "twice the same, then more",
      steps: [
        [["a", "a"], "/t/"],
        [["full"], "/t/a"],
      ],
    },
  ];
  it.each(cases)("$name", async ({ steps }) => {
    const base = join(root, "base");
    let virtual = VirtualTree.of(new DiskTree(base));
    const real = join(root, "real");
    fs.cpSync(base, real, { recursive: true, verbatimSymlinks: true });
    for (const [src, dst] of steps) {
      const planned = await planCopy(new DiskTree(join(root, "source")), copy(src, dst), fromText(dst));
      if (!planned.ok) throw new Error(planned.message);
      const before = virtual;
      const shown = await describeWhole(before);
      virtual = virtual.withCopy(planned.plan);
      expect(await describeWhole(before)).toBe(shown);
      await extract(real, src, dst);
    }
    expect(await describeWhole(virtual)).toBe(await describeWhole(new DiskTree(real)));
  });

  it("follows absolute links and those that lead above the root as inside the tree", async () => {
    const planned = await planCopy(new DiskTree(join(root, "source")), copy("b", "/abs/one"), asBytes("/abs/one"));
    const upwards = await planCopy(
      new DiskTree(join(root, "source")),
      copy("b", "/usr/up/two"),
      asBytes("/usr/up/two"),
    );
    if (!planned.ok || !upwards.ok) throw new Error("refused");
    const tree = VirtualTree.of(new DiskTree(join(root, "base")))
      .withCopy(planned.plan)
      .withCopy(upwards.plan);
    expect([...tree.listNames(asBytes("etc"))].sort()).toEqual(["conf", "one", "two"]);
  });

  it("takes 20,000 files into one directory in a second or two of processor time", () => {
    const items = Array.from({ length: 20_000 }, (_, index): Manifest => {
      return { kind: "file", path: asBytes(`f${index}`), sha256: "0" };
    });
    const before = process.cpuUsage();
    const tree = VirtualTree.empty().withCopy({ kind: "into", items, dst: asBytes("/d/") });
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
    expect(tree.listNames(asBytes("d"))).toHaveLength(20_000);
  });
});
