import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { readStackConfig } from "../../../stacks/config/file.js";

const SHA256 = "c2d706432f93ba85bd3383fa451d74543c32a4e84a1afaf3e8ace18f7f097b43";
const COMMIT = "5d6989723a8fe807df9042550ba8d837ef3c7f5e";

let folder: string;
let file: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-stack-"));
  file = path.join(folder, "Pulumi.x.yaml");
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(images: string, sources = "{}"): void {
  const lines = [
    "config:",
    "  fleet:expect: { arch: arm64 }",
    "  fleet:builders: [{ name: mac705, uid: 705 }]",
    `  fleet:sources: ${sources}`,
    "  fleet:images:",
    `    tools: { builder: mac705, ${images} }`,
  ];
  fs.writeFileSync(file, lines.join("\n"));
}

describe("a stack file on disk", () => {
  it("has its specs and contexts counted from its own folder", async () => {
    fs.mkdirSync(path.join(folder, "specs/tools"), { recursive: true });
    fs.writeFileSync(path.join(folder, "specs/tools.spec"), "((from empty))");
    write("spec: ./specs/tools.spec, context: specs/tools");
    const loaded = await readStackConfig(path.relative(process.cwd(), file));
    expect(loaded.ok && loaded.config.images[0]).toMatchObject({
      spec: path.join(folder, "specs/tools.spec"),
      context: path.join(folder, "specs/tools"),
    });
  });

  it("has its sources made absolute, but addresses and encrypted ones left as they are", async () => {
    fs.writeFileSync(path.join(folder, "x.spec"), "((from empty))");
    const git = (address: string): string => `{ git: "${address}", commit: "${COMMIT}" }`;
    write(
      "spec: x.spec",
      [
        `{ a: { path: ./a.tar, sha256: ${SHA256} }, b: { path: "~/b.tar", sha256: ${SHA256} }, c: ${git("./c")}`,
        `d: ${git("https://example.org/d")}, e: ${git("git@example.org:e")}, f: { path: { secure: x }, sha256: ${SHA256} } }`,
      ].join(", "),
    );
    const loaded = await readStackConfig(file);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const places = Object.values(loaded.config.sources).map((source) =>
      source.kind === "git" ? source.git : source.path,
    );
    expect(places).toEqual([
      path.join(folder, "a.tar"),
      path.join(os.homedir(), "b.tar"),
      path.join(folder, "c"),
      "https://example.org/d",
      "git@example.org:e",
      { secretPath: ["fleet:sources", "f", "path"] },
    ]);
  });

  it("names a spec and a context that are not there, at their places", async () => {
    fs.writeFileSync(path.join(folder, "context"), "");
    write("spec: ./absent.spec, context: ./context");
    const loaded = await readStackConfig(file);
    expect(loaded.ok ? [] : loaded.problems).toEqual([
      {
        ...{ file, line: 6, column: 37, path: "fleet:images.tools.spec" },
        reason: `${path.join(folder, "absent.spec")} is not there`,
        remedy: "`spec: ocaml` is macfoundry's own image; anything else is the path of a spec file",
      },
      {
        ...{ file, line: 6, column: 61, path: "fleet:images.tools.context" },
        reason: `${path.join(folder, "context")} is not a folder`,
        remedy: "make the folder, or correct the path",
      },
    ]);
  });

  it("has a problem for each base that the spec and from do not agree on, nested builds included", async () => {
    fs.writeFileSync(path.join(folder, "x.spec"), '((build "b" ((from other))) (from base) (run (shell true)))');
    write("spec: x.spec, from: { bsae: tools }");
    const loaded = await readStackConfig(file);
    expect(loaded.ok ? [] : loaded.problems.map(({ path: at, reason }) => `${at}: ${reason}`)).toEqual([
      "fleet:images.tools.from: the images start from each other: tools → tools",
    ]);
    const lines = fs.readFileSync(file, "utf8").replace("bsae: tools", "bsae: bottom");
    fs.writeFileSync(file, `${lines}\n    bottom: { builder: mac705, spec: y.spec }\n`);
    fs.writeFileSync(path.join(folder, "y.spec"), "((from empty) (comment x))");
    const again = await readStackConfig(file);
    expect(
      again.ok ? [] : again.problems.map(({ path: at, reason, remedy }) => `${at}: ${reason} | ${remedy}`),
    ).toEqual([
      'fleet:images.tools.spec: its (from base) is not explained by the image\'s from | add from: { "base": IMAGE } with an image of this stack',
      'fleet:images.tools.spec: its (from other) is not explained by the image\'s from | add from: { "other": IMAGE } with an image of this stack',
      "fleet:images.tools.from.bsae: the spec has no (from bsae) | did you mean base?",
    ]);
  });

  it("that is not there is one clear problem", async () => {
    const loaded = await readStackConfig(path.join(folder, "Pulumi.absent.yaml"));
    expect(loaded.ok ? [] : loaded.problems).toMatchObject([{ line: 1, column: 1, reason: "cannot be read: ENOENT" }]);
  });
});
