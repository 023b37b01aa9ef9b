import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { findCollision } from "../../../builder/copy/collisions.js";
import { planCopy } from "../../../builder/copy/manifest.js";
import { sendCopy } from "../../../builder/copy/send.js";
import { DiskTree } from "../../../builder/copy/tree.js";
import type { CopyPlan, Manifest } from "../../../builder/ids/ids.js";
import type { User } from "../../../builder/spec/ast.js";
import { asBytes, fromText } from "../../../builder/spec/bytes.js";
import { copy } from "../../../builder/spec/compose.js";

let root = "";
let source = "";
const builder: User = { kind: "unix", uid: 701n, gid: 20n };

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), "macfoundry-copy-"));
  source = join(root, "source");
  fs.mkdirSync(source);
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

async function plan(src: string | string[], dst: string, exclude: string[] = []): Promise<CopyPlan> {
  const result = await planCopy(new DiskTree(source), copy(src, dst, { exclude }), fromText(dst));
  if (!result.ok) throw new Error(result.message);
  return result.plan;
}

/** Extracts with the tar of this machine, as the step does on a Mac. */
async function extract(planned: CopyPlan, user = builder): Promise<{ directory: string; code: number; bytes: number }> {
  const directory = fs.mkdtempSync(join(root, "out-"));
  const tar = spawn("tar", ["-xf", "-", "--numeric-owner"], { cwd: directory, stdio: ["pipe", "ignore", "ignore"] });
  const ended = new Promise<number>((resolve) => tar.on("close", (code) => resolve(code ?? -1)));
  const bytes = await sendCopy(new DiskTree(source), planned, user, tar.stdin);
  return { directory, code: await ended, bytes };
}

describe("what is sent is what tar makes of it", () => {
  it("files, links, directories, names of any bytes, times and owners", async () => {
    fs.mkdirSync(join(source, "tree/deep"), { recursive: true });
    fs.writeFileSync(join(source, "tree/deep/run.sh"), "#!/bin/sh\n", { mode: 0o710 });
    fs.writeFileSync(join(source, "tree/plain"), "x".repeat(1000), { mode: 0o600 });
    fs.symlinkSync("deep/run.sh", join(source, "tree/link"));
    fs.writeFileSync(Buffer.concat([Buffer.from(`${source}/tree/`), Buffer.from([0xff, 0x41])]), "bytes");
    const long = "n".repeat(200);
    fs.writeFileSync(join(source, "tree", long), "long");
    fs.symlinkSync("t".repeat(300), join(source, "tree/far"));
    fs.utimesSync(join(source, "tree/plain"), 1_600_000_000, 1_600_000_000.9);
    const { directory, code } = await extract(await plan("tree", "/opt/"));
    expect(code).toBe(0);
    const at = (name: string): string => join(directory, "opt", "tree", name);
    expect(fs.statSync(at("deep/run.sh")).mode & 0o777).toBe(0o755);
    expect(fs.statSync(at("plain")).mode & 0o777).toBe(0o644);
    expect(fs.statSync(at("plain")).mtimeMs).toBe(1_600_000_000_000);
    expect(fs.readFileSync(at("plain"), "utf8")).toBe("x".repeat(1000));
    expect(fs.readlinkSync(at("link"))).toBe("deep/run.sh");
    expect(fs.readlinkSync(at("far"))).toBe("t".repeat(300));
    expect(fs.readFileSync(at(long), "utf8")).toBe("long");
    expect(fs.readdirSync(at(""), { encoding: "latin1" })).toContain("\xffA");
    expect(fs.statSync(join(directory, "opt")).mtimeMs).toBe(0);
    if (process.getuid?.() === 0) expect(fs.statSync(at("plain"))).toMatchObject({ uid: 701, gid: 20 });
  });

  it("ids that don't fit a header arrive whole", async () => {
    fs.writeFileSync(join(source, "file"), "x");
    const { directory } = await extract(await plan("file", "/file"), {
      kind: "unix",
      uid: 1_894_837_492n,
      gid: 5_000_000n,
    });
    if (process.getuid?.() !== 0) return;
    expect(fs.statSync(join(directory, "file"))).toMatchObject({ uid: 1_894_837_492, gid: 5_000_000 });
  });

  it("excluded names are left out at every depth, but not the source itself", async () => {
    fs.mkdirSync(join(source, "_build/a/_build"), { recursive: true });
    fs.writeFileSync(join(source, "_build/a/keep"), "x");
    const { directory } = await extract(await plan("_build", "/out", ["_build"]));
    expect(fs.readdirSync(join(directory, "out/a"))).toEqual(["keep"]);
  });

  it("the source directory itself may be a link, as for the original", async () => {
    fs.writeFileSync(join(source, "file"), "x");
    fs.symlinkSync(source, join(root, "link"));
    const result = await planCopy(new DiskTree(join(root, "link")), copy(".", "/d/"), asBytes("/d/"));
    expect(result).toMatchObject({
      ok: true,
      plan: { items: [{ kind: "dir", path: "", entries: [{ path: "file" }] }] },
    });
  });

  it("a destination outside the tree is refused by tar", async () => {
    fs.writeFileSync(join(source, "file"), "x");
    const { code } = await extract(await plan("file", "/w/../b"));
    expect(code).not.toBe(0);
  });
});

describe("a source that changes while it is sent", () => {
  const changes: Record<string, (file: string) => void> = {
    "other bytes of the same length": (file) => fs.writeFileSync(file, "yyyy"),
    "a longer file": (file) => fs.appendFileSync(file, "more"),
    "a shorter file": (file) => fs.truncateSync(file, 1),
    "an empty file": (file) => fs.truncateSync(file, 0),
    nothing: (file) => fs.rmSync(file),
    "a link to something else": (file) => {
      fs.rmSync(file);
      fs.symlinkSync("/etc/passwd", file);
    },
  };
  it.each(Object.entries(changes))("%s: the stream breaks off with an error", async (_name, change) => {
    const file = join(source, "file");
    fs.writeFileSync(file, "xxxx");
    const planned = await plan("file", "/file");
    change(file);
    const output = new PassThrough();
    output.resume();
    await expect(sendCopy(new DiskTree(source), planned, builder, output)).rejects.toMatchObject({
      code: "SOURCE_INVALID",
    });
    expect(output.destroyed).toBe(true);
  });
});

describe("big sources", () => {
  it("192 MiB go through a few chunks of memory, at the reader's pace", async () => {
    const size = 192 * 1024 * 1024;
    const file = join(source, "big");
    fs.writeFileSync(file, "");
    fs.truncateSync(file, size);
    const planned = await plan("big", "/big");
    const before = process.memoryUsage().rss;
    let peak = 0;
    let received = 0;
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        peak = Math.max(peak, process.memoryUsage().rss);
        setImmediate(done);
      },
    });
    const sent = await sendCopy(new DiskTree(source), planned, builder, output);
    expect(received).toBe(sent);
    expect(sent).toBe(size + 512 + 1024);
    expect(peak - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("a signal stops it in the middle, and the reader is not told a whole stream", async () => {
    const file = join(source, "big");
    fs.writeFileSync(file, "");
    fs.truncateSync(file, 64 * 1024 * 1024);
    const planned = await plan("big", "/big");
    const stop = new AbortController();
    let hasEnded = false;
    const output = new Writable({
      write(_chunk, _encoding, done) {
        stop.abort();
        setImmediate(done);
      },
      final(done) {
        hasEnded = true;
        done();
      },
    });
    await expect(sendCopy(new DiskTree(source), planned, builder, output, stop.signal)).rejects.toThrow();
    expect(hasEnded).toBe(false);
  });

  it("a big file has the hash of its bytes", async () => {
    const bytes = Buffer.alloc(3_000_000, "abc");
    fs.writeFileSync(join(source, "big"), bytes);
    const planned = await plan("big", "/big");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    expect(planned).toMatchObject({ kind: "as", item: { kind: "file", sha256 } });
  });
});

describe("sources that can't be described", () => {
  it("a file nobody may read is a refusal with the reason, not a crash", async () => {
    fs.mkdirSync(join(source, "d"));
    execFileSync("mkfifo", [join(source, "d/pipe")]);
    const result = await planCopy(new DiskTree(source), copy("d", "/d"), asBytes("/d"));
    expect(result).toEqual({ ok: false, part: "src.0", message: 'Unsupported file type for "d/pipe"' });
  });

  it("a name longer than any file's is not found", async () => {
    const name = "x".repeat(5000);
    const result = await planCopy(new DiskTree(source), copy(name, "/d"), asBytes("/d"));
    expect(result).toMatchObject({ ok: false, part: "src.0" });
  });

  it("a NUL in a name is not found", async () => {
    const result = await planCopy(new DiskTree(source), copy("a\0b", "/d"), asBytes("/d"));
    expect(result).toMatchObject({ ok: false, part: "src.0", message: 'Source path "a\\000b" not found' });
  });
});

describe("names that are one on a case-insensitive volume", () => {
  const file = (path: string): Manifest => ({ kind: "file", path: fromText(path), sha256: "" });
  const into = (...items: Manifest[]): CopyPlan => ({ kind: "into", items, dst: asBytes("/d/") });

  it.each([
    ["README", "readme"],
    ["é", "e\u0301"],
    ["straße", "STRASSE"],
    ["Σ", "ς"],
  ])("%s and %s collide", (left, right) => {
    expect(findCollision(into(file(left), file(right)))).toEqual([fromText(`d/${left}`), fromText(`d/${right}`)]);
  });

  it("the same name twice, or different names, do not", () => {
    expect(findCollision(into(file("a"), file("a")))).toBeUndefined();
    expect(
      findCollision(into(file("a"), file("b"), { kind: "dir", path: asBytes("c"), entries: [file("c/a")] })),
    ).toBeUndefined();
  });
});
