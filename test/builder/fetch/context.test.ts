import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import {
  contextDigest,
  prepareContext,
  verifyArchive,
  type PinnedArchive,
  type PinnedGit,
} from "../../../builder/fetch/index.js";
import { MacfoundryError } from "../../../host/errors.js";
import { makeBrew } from "../../sources/make.mjs";

let sources: string;
let cacheFolder: string;
let archive: PinnedArchive;
let brew: PinnedGit;

beforeAll(() => {
  sources = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-fetch-"));
  const file = path.join(sources, "tool");
  fs.writeFileSync(file, "a tool\n");
  const sha256 = createHash("sha256").update("a tool\n").digest("hex");
  archive = { kind: "archive", name: "tool", path: file, sha256 };
  brew = { kind: "git", name: "brew", ...makeBrew(path.join(sources, "brew")) };
});
afterAll(() => fs.rmSync(sources, { recursive: true, force: true }));
beforeEach(() => {
  cacheFolder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-cache-"));
});
afterEach(() => fs.rmSync(cacheFolder, { recursive: true, force: true }));

async function refuse(source: PinnedArchive | PinnedGit): Promise<MacfoundryError> {
  const error: unknown = await prepareContext([source], { cacheFolder }).catch((reason: unknown) => reason);
  if (!(error instanceof MacfoundryError)) throw new Error(`no clear error, but ${String(error)}`);
  expect(error).toMatchObject({ code: "SOURCE_INVALID", resource: `source ${source.name}` });
  expect(fs.readdirSync(path.join(cacheFolder, "contexts"))).toEqual([]);
  return error;
}

function git(folder: string, ...words: string[]): string {
  return execFileSync("git", ["-c", "safe.directory=*", "-C", folder, ...words], { encoding: "utf8" }).trim();
}

/** What a checkout of the pack holds, made as the image's step makes it. */
function unpack(pack: string, commit: string): string {
  const folder = fs.mkdtempSync(path.join(sources, "checkout-"));
  git(folder, "init", "-q");
  execFileSync("git", ["-C", folder, "index-pack", "--stdin"], {
    input: fs.readFileSync(pack),
    stdio: ["pipe", "pipe", "inherit"],
  });
  fs.writeFileSync(path.join(folder, ".git/shallow"), `${commit}\n`);
  git(folder, "reset", "-q", "--hard", commit);
  return folder;
}

describe("a context", () => {
  it("holds each archive as it is and each commit as a pack, and nothing else", async () => {
    const { folder, digest } = await prepareContext([archive, brew], { cacheFolder });
    expect(digest).toBe(contextDigest([brew, archive]));
    expect(fs.readdirSync(folder).sort()).toEqual(["brew.pack", "tool"]);
    expect(fs.readFileSync(path.join(folder, "tool"), "utf8")).toBe("a tool\n");
    const checkout = unpack(path.join(folder, "brew.pack"), brew.commit);
    expect(git(checkout, "status", "--porcelain")).toBe("");
    expect(git(checkout, "rev-parse", "HEAD^{tree}")).toBe(git(brew.git, "rev-parse", `${brew.commit}^{tree}`));
    expect(fs.statSync(path.join(checkout, "bin/brew")).mode & 0o111).not.toBe(0);
  });

  it("has the same bytes, so that copy steps keep their ids, however the repository stores its objects", async () => {
    const first = await prepareContext([brew], { cacheFolder });
    const clone = path.join(sources, "repacked");
    git(sources, "clone", "-q", "--no-local", brew.git, clone);
    git(clone, "repack", "-adfq", "--depth=50", "--window=50");
    const second = await prepareContext([{ ...brew, git: clone }], { cacheFolder: path.join(cacheFolder, "other") });
    const [a, b] = [first, second].map(({ folder }) => fs.readFileSync(path.join(folder, "brew.pack")));
    expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
    expect(second.digest).toBe(first.digest);
  });

  it("does not tell by modes or times when and by whom it was made", async () => {
    const { folder } = await prepareContext([archive], { cacheFolder });
    const stat = fs.statSync(path.join(folder, "tool"));
    expect([stat.mode & 0o777, stat.mtimeMs]).toEqual([0o644, 0]);
  });

  it("is made once, and made again when something in it was damaged, lost or added", async () => {
    const lines: string[] = [];
    const prepare = (): ReturnType<typeof prepareContext> => {
      return prepareContext([archive], { cacheFolder, onProgress: (line) => lines.push(line) });
    };
    const { folder } = await prepare();
    await prepare();
    expect(lines).toEqual(["checking tool"]);
    fs.writeFileSync(path.join(folder, "tool"), "b tool\n");
    await prepare();
    expect(fs.readFileSync(path.join(folder, "tool"), "utf8")).toBe("a tool\n");
    fs.rmSync(path.join(folder, "tool"));
    await prepare();
    fs.writeFileSync(path.join(folder, "more"), "");
    await prepare();
    expect([lines.length, fs.readdirSync(folder)]).toEqual([4, ["tool"]]);
  });

  it("may be made by several at the same time", async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => prepareContext([archive, brew], { cacheFolder })));
    expect(new Set(all.map(({ folder }) => folder)).size).toBe(1);
    expect(fs.readdirSync(path.join(cacheFolder, "contexts"))).toEqual([all[0]?.digest]);
  });

  it("has an identity of its pins alone: not of their order or places", () => {
    expect(contextDigest([{ ...archive, path: "/elsewhere" }, brew])).toBe(contextDigest([brew, archive]));
    expect(contextDigest([{ ...archive, sha256: "0".repeat(64) }])).not.toBe(contextDigest([archive]));
  });
});

describe("a source that is not what was pinned", () => {
  it("is an archive of another sha256: both are named", async () => {
    const { why } = await refuse({ ...archive, sha256: "0".repeat(64) });
    expect(why).toBe(`${archive.path} has sha256 ${archive.sha256}, not ${"0".repeat(64)}`);
    await expect(verifyArchive({ ...archive, sha256: "0".repeat(64) })).rejects.toMatchObject({
      code: "SOURCE_INVALID",
    });
  });

  it("is an archive that is not there", async () => {
    expect((await refuse({ ...archive, path: path.join(sources, "absent") })).why).toContain("ENOENT");
  });

  it("is a repository without the commit", async () => {
    expect((await refuse({ ...brew, commit: "0".repeat(40) })).why).toContain(`has no commit ${"0".repeat(40)}`);
  });

  it("is a repository that is none", async () => {
    expect((await refuse({ ...brew, git: path.join(sources, "tool") })).why).toContain("has no commit");
  });

  it("is the name of something other than a commit", async () => {
    const tree = git(brew.git, "rev-parse", `${brew.commit}^{tree}`);
    expect((await refuse({ ...brew, commit: tree })).why).toContain("it is a tree");
  });

  it("is a repository with a file missing", async () => {
    const broken = path.join(sources, "broken");
    fs.cpSync(brew.git, broken, { recursive: true });
    const blob = git(broken, "rev-parse", `${brew.commit}:bin/brew`);
    fs.rmSync(path.join(broken, ".git/objects", blob.slice(0, 2), blob.slice(2)), { force: true });
    expect((await refuse({ ...brew, git: broken })).why).toMatch(/is incomplete|is missing/);
  });
});

describe("a repository that is fetched", () => {
  it("gives the same pack as the folder, over git's own protocol, and is asked only once", async () => {
    const local = await prepareContext([brew], { cacheFolder });
    const served = path.join(sources, "served");
    git(sources, "clone", "-q", "--bare", brew.git, served);
    git(served, "config", "uploadpack.allowAnySHA1InWant", "true");
    const remote = { ...brew, git: `file://${served}` };
    const other = path.join(cacheFolder, "other");
    const fetched = await prepareContext([remote], { cacheFolder: other });
    const [a, b] = [local, fetched].map(({ folder }) => fs.readFileSync(path.join(folder, "brew.pack")));
    expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
    fs.rmSync(served, { recursive: true });
    fs.rmSync(path.join(other, "contexts"), { recursive: true });
    await prepareContext([remote], { cacheFolder: other });
  });

  it("is fetched by its ref from a server that gives out no bare commits", async () => {
    const parent = git(brew.git, "rev-parse", `${brew.commit}^`);
    const served = path.join(sources, "served-strict");
    git(sources, "clone", "-q", "--bare", brew.git, served);
    const strict = { ...brew, commit: parent, git: `file://${served}` };
    git(served, "config", "protocol.version", "0");
    const { folder } = await prepareContext([{ ...strict, ref: "refs/heads/main" }], { cacheFolder });
    expect(git(unpack(path.join(folder, "brew.pack"), parent), "rev-parse", "HEAD")).toBe(parent);
  });

  it("that does not answer is named with what to check", async () => {
    const { why, remedy } = await refuse({ ...brew, git: `file://${sources}/nowhere` });
    expect(why).toContain("could not be fetched");
    expect(remedy).toContain("give ref");
  });
});
