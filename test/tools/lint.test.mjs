import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { checkImports, judgeImport } from "../../tools/lint/imports.mjs";
import { checkLockfile } from "../../tools/lint/lockfile.mjs";
import { checkShellFiles, checkShellTemplates, isShellFile } from "../../tools/lint/shell.mjs";

let root;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-lint-test-"));
});
afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

function write(name, text) {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
  return name;
}

describe("import directions", () => {
  it.each([
    ["host/ssh.ts", "./quote.js"],
    ["host/ssh.ts", "execa"],
    ["builder/store/x.ts", "../../host/quote.js"],
    ["components/builder/state.ts", "../../host/quote.js"],
    ["components/builder/state.ts", "./dscl.js"],
    ["components/builder/state.ts", "../resource.js"],
    ["components/builder/builder.ts", "@pulumi/pulumi"],
    ["components/base-image/base-image.ts", "../builder/builder.js"],
    ["provider/main.ts", "../components/builder/state.js"],
    ["provider/wire.ts", "@pulumi/pulumi/proto/provider_pb.js"],
    ["cli/pulumi/main.ts", "#tools/lib/pulumi.mjs"],
    ["stacks/index.ts", "../components/builder/builder.js"],
  ])("%s may import %s", (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeUndefined();
  });

  it.each([
    ["host/ssh.ts", "../builder/ids/index.js", /host may only reach its own folder/],
    ["builder/x.ts", "../components/resource.js", /builder may only reach host/],
    ["components/builder/state.ts", "../base-image/state.js", /may not reach into base-image/],
    ["components/builder/state.ts", "./builder.js", /never imports its component/],
    ["components/builder/state.ts", "@pulumi/pulumi", /knows nothing of Pulumi/],
    ["components/builder/builder.ts", "../../host/quote.js", /may only reach its own folder/],
    ["provider/main.ts", "@pulumi/pulumi", /111 MB/],
    ["provider/main.ts", "../components/builder/builder.js", /state\.ts only/],
    ["cli/main.ts", "../components/builder/state.js", /cli may only reach builder, host/],
    ["stacks/index.ts", "../components/builder/state.js", /component only/],
    ["host/x.ts", "../tools/lib/lock.mjs", /never reach into tools/],
    ["host/x.ts", "../../shared/x.js", /outside the project/],
  ])("%s may not import %s", (file, specifier, reason) => {
    expect(judgeImport(file, specifier)).toMatch(reason);
  });

  it("finds static, type-only, re-exported and dynamic imports, with their lines", () => {
    const file = write(
      "host/a.ts",
      'import { x } from "./b.js";\nimport type { Y } from "../builder/y.js";\nexport * from "../cli/z.js";\nawait import("../stacks/s.js");\n',
    );
    expect(checkImports(root, [file]).map((finding) => finding.split(": ")[0])).toEqual([
      "host/a.ts:2",
      "host/a.ts:3",
      "host/a.ts:4",
    ]);
  });
});

describe("the lockfile", () => {
  it("has a hash for every package and no address", () => {
    const packages = {
      "": { name: "x" },
      "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
      "node_modules/b": { version: "1.0.0", integrity: "sha512-b", resolved: "https://example.invalid/b.tgz" },
      "node_modules/c": { version: "1.0.0" },
    };
    write("package-lock.json", JSON.stringify({ packages }));
    const findings = checkLockfile(root);
    expect(findings).toHaveLength(2);
    expect(findings[0]).toContain("node_modules/b has an address");
    expect(findings[1]).toContain("node_modules/c has no integrity");
  });
});

describe("shell checks", () => {
  it("takes files by ending and by first line, and no others", () => {
    write("a.sh", "");
    write("launcher", "#!/bin/sh\n");
    write("perl", "#!/usr/bin/perl\n");
    write("node", "#!/usr/bin/env node\n");
    expect(["a.sh", "launcher", "perl", "node"].filter((file) => isShellFile(root, file))).toEqual([
      "a.sh",
      "launcher",
    ]);
  });

  it("finds an unquoted variable in a file", () => {
    const file = write("a.sh", '#!/bin/sh\nx="$1"\nrm -rf $x/y\n');
    expect(checkShellFiles(root, [file]).join("\n")).toMatch(/a\.sh:3:8: .*SC2086/);
  });

  it("finds it in a tagged template, at the line of the TypeScript file", () => {
    const bad = write("host/a.ts", "const a = 1;\nexport const script = sh`\nset -u\nrm -rf $home/${name}\n`;\n");
    const good = write("host/b.ts", 'export const script = sh`rm -rf -- "$home"/${name}`;\n');
    const { templates, findings } = checkShellTemplates(root, [bad, good]);
    expect(templates).toBe(2);
    expect(findings.join("\n")).toMatch(/^host\/a\.ts:4: .*SC2086/);
    expect(findings.join("\n")).not.toContain("host/b.ts");
  });

  it("takes a number put in at run time for a number", () => {
    const file = write("host/a.ts", 'export const script = sh`if [ "$n" -lt ${most} ]; then exit ${code}; fi`;\n');
    expect(checkShellTemplates(root, [file]).findings).toEqual([]);
  });

  it("refuses what only bash knows", () => {
    const file = write("host/a.ts", "export const script = sh`if [[ -e /x ]]; then echo yes; fi`;\n");
    expect(checkShellTemplates(root, [file]).findings.join("\n")).toMatch(/SC3010/);
  });
});
