import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../../cli/spec/main.js";
import { bufferOf, loadVectors, makeFixture, type Build, type SpecVector, type Text } from "../../golden/load.js";

const vectors = loadVectors();
const launcher = join(dirname(fileURLToPath(import.meta.url)), "../../../bin/macfoundry");
let root = "";

interface Answer {
  code: number;
  stdout: Buffer;
  stderr: string;
}

/** The command in this process: what it would write, and its exit code. */
async function call(...argv: string[]): Promise<Answer> {
  const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    jest.spyOn(process[name], "write").mockImplementation((chunk) => chunks[name].push(Buffer.from(chunk)) > 0),
  );
  try {
    const code = await run(argv);
    return { code, stdout: Buffer.concat(chunks.stdout), stderr: Buffer.concat(chunks.stderr).toString() };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** The command as other programs call it. */
function launch(argv: string[], input: Buffer | string = ""): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [launcher, "spec", ...argv],
      { encoding: "buffer" },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr: stderr.toString() });
      },
    );
    child.stdin?.end(input);
  });
}

function fileOf(vector: { name: string; source: Text }): string {
  const file = join(root, "specs", `${vector.name}.spec`);
  writeFileSync(file, bufferOf(vector.source));
  return file;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "macfoundry-cli-"));
  mkdirSync(join(root, "specs"));
  mkdirSync(join(root, "secrets"));
  for (const name of Object.keys(vectors.fixtures)) makeFixture(vectors, name, join(root, name));
  const images = { ...vectors.images, "*": vectors.image_default };
  writeFileSync(join(root, "images.json"), JSON.stringify(images));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("spec check", () => {
  it.each([...vectors.valid, ...vectors.buildfail])("accepts $name", async (vector) => {
    const answer = await call("check", fileOf(vector), "--json");
    expect(answer.code).toBe(0);
    expect(JSON.parse(answer.stdout.toString())).toEqual({ ok: true, errors: [] });
  });

  it.each(vectors.invalid)("refuses $name", async (vector) => {
    const file = fileOf(vector);
    const answer = await call("check", file, "--json");
    expect(answer.code).toBe(1);
    const { ok, errors } = JSON.parse(answer.stdout.toString()) as { ok: boolean; errors: Record<string, unknown>[] };
    expect(ok).toBe(false);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(Object.keys(error).sort()).toEqual(["code", "column", "line", "message"]);
    const plain = await call("check", file);
    expect(plain.code).toBe(1);
    expect(plain.stderr).toContain(`${file}:${String(errors[0]?.["line"])}:${String(errors[0]?.["column"])}: `);
  });

  it("puts the errors of an empty file at line 1, column 1", async () => {
    const answer = await call("check", fileOf({ name: "empty", source: "" }), "--json");
    expect(JSON.parse(answer.stdout.toString())).toMatchObject({ ok: false, errors: [{ line: 1, column: 1 }] });
  });

  it("finds every error, shows the place with a caret and names what is near", async () => {
    const source = "((from x)\n (wrkdir /a)\n (run (shel y))\n (copy (from (build tolls)) (src a) (dst b)))\n";
    const answer = await call(
      "check",
      fileOf({ name: "many", source: `((build tools ((from x)))\n${source.slice(1)}` }),
    );
    expect(answer.code).toBe(1);
    expect(answer.stderr).toContain(" 3 |  (wrkdir /a)\n   |  ^\n   = did you mean workdir?\n");
    expect(answer.stderr).toContain("did you mean shell?");
    expect(answer.stderr).toContain("did you mean tools?");
  });
});

describe("spec print and spec dockerfile", () => {
  it.each(vectors.valid)("$name in every form", async (vector) => {
    const file = fileOf(vector);
    const newline = Buffer.from("\n");
    for (const form of ["mach", "hum", "pp"] as const) {
      const answer = await call("print", file, "--form", form);
      expect(answer).toEqual({
        code: 0,
        stdout: Buffer.concat([bufferOf(vector.canonical[form]), newline]),
        stderr: "",
      });
    }
    for (const escape of ["unix", "windows"] as const) {
      for (const buildkit of [false, true]) {
        const expected = vector.dockerfile[buildkit ? (`${escape}_buildkit` as const) : escape];
        const answer = await call("dockerfile", file, "--escape", escape, ...(buildkit ? ["--buildkit"] : []));
        if (typeof expected === "object" && "error" in expected) {
          expect(answer).toMatchObject({ code: 1, stdout: Buffer.alloc(0) });
          expect(answer.stderr).toMatch(/:\d+:\d+: SPEC_INVALID: the (cache|secret) /);
        } else {
          expect(answer).toEqual({ code: 0, stdout: Buffer.concat([bufferOf(expected), newline]), stderr: "" });
        }
      }
    }
  });
});

function idsArguments(vector: SpecVector, build: Build): string[] {
  const context = { ...vectors.default_context, ...build.context };
  const pairs = context.env.map(([name, value]) => `${bufferOf(name).toString()}=${bufferOf(value).toString()}`);
  const secrets = context.secrets.map(([id, value], index) => {
    const file = join(root, "secrets", String(index));
    writeFileSync(file, bufferOf(value));
    return `${bufferOf(id).toString()}:${file}`;
  });
  const { user } = context;
  return [
    ...["ids", fileOf(vector), "--context", join(root, context.src), "--images", join(root, "images.json"), "--json"],
    ...pairs.flatMap((pair) => ["--env", pair]),
    ...secrets.flatMap((secret) => ["--secret", secret]),
    ...["--workdir", context.workdir],
    ...("uid" in user ? ["--uid", String(user.uid), "--gid", String(user.gid)] : []),
    ...context.shell.flatMap((word) => ["--shell", word]),
  ];
}

describe("spec ids", () => {
  const cases = vectors.valid.flatMap((vector) =>
    vector.builds
      .filter(({ context }) => context.user === undefined || "uid" in context.user)
      .map((build) => ({ vector, build, name: vector.name, label: build.label })),
  );

  it.each(cases)("$name ($label)", async ({ vector, build }) => {
    const answer = await call(...idsArguments(vector, build), "--show-secrets");
    expect(answer).toMatchObject({ code: 0, stderr: "" });
    const lines = answer.stdout.toString().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      build.steps.map(({ kind, id, parent, preimage }) => ({ kind, id, parent, preimage })),
    );
  });

  it.each(cases.filter(({ name }) => name.startsWith("run-secrets") || name === "run-all-fields"))(
    "$name ($label) never shows a secret unless asked to",
    async ({ vector, build }) => {
      const answer = await call(...idsArguments(vector, build));
      expect(answer.code).toBe(0);
      const steps = answer.stdout
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { kind: string });
      for (const step of steps) expect("preimage" in step).toBe(step.kind === "from");
    },
  );

  /** Here the original's command or store failed; our commands succeed, and a cache may be called anything. */
  const runsOn = ["run-fails", "nested-fails-stops-outer", "cache-name-slash", "copy-dst-dotdot"];
  const failing = vectors.buildfail.filter(({ name }) => !runsOn.includes(name) && name !== "image-missing");
  it.each(failing)("$name: prints the steps up to the failure and says where it is", async (vector) => {
    const [build] = vector.builds;
    if (build === undefined || !("error" in build.result)) throw new Error("no such vector");
    const answer = await call(...idsArguments(vector, build));
    expect(answer.code).toBe(1);
    const lines = answer.stdout
      .toString()
      .split("\n")
      .filter((line) => line !== "");
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(build.steps.map(({ id }) => id));
    expect(answer.stderr).toMatch(/^\S+\.spec:\d+:\d+: SPEC_INVALID: /);
    expect(answer.stderr).toContain(build.result.error.message);
  });

  it.each(vectors.buildfail.filter(({ name }) => runsOn.includes(name)))(
    "$name: a command counts as succeeding",
    async (vector) => {
      const [build] = vector.builds;
      if (build === undefined) throw new Error("no such vector");
      const answer = await call(...idsArguments(vector, build));
      expect(answer.code).toBe(0);
      const ids = answer.stdout
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { id: string }).id);
      expect(ids.slice(0, build.steps.length)).toEqual(build.steps.map(({ id }) => id));
    },
  );

  it("refuses a base that the list of images doesn't have", async () => {
    const images = join(root, "few.json");
    writeFileSync(images, JSON.stringify({ busybox: { env: [], rootfs: null } }));
    const file = fileOf({ name: "missing", source: "((build a ((from busybox)))\n (from nowhere))" });
    const answer = await call("ids", file, "--images", images, "--json");
    expect(answer.code).toBe(1);
    expect(answer.stdout.toString().trimEnd().split("\n")).toHaveLength(2);
    expect(answer.stderr).toContain(`${file}:2:2: SPEC_INVALID: no such image "nowhere"`);
  });

  it("gives a preimage that is not UTF-8 as base64", async () => {
    const file = join(root, "specs", "latin.spec");
    writeFileSync(file, Buffer.from('((from "\\255"))'));
    const answer = await call("ids", file, "--json");
    expect(JSON.parse(answer.stdout.toString())).toMatchObject({ kind: "from", preimage: { base64: "/w==" } });
  });

  it("follows the defaults and the workdir rule of older versions", async () => {
    const file = fileOf({ name: "old", source: "((from busybox) (workdir a) (run (shell true)))" });
    const preimages: string[] = [];
    for (const compat of ["0.5", "0.6", "master"]) {
      const answer = await call("ids", file, "--json", "--id-compat", compat);
      const [, line = ""] = answer.stdout.toString().split("\n");
      preimages.push((JSON.parse(line) as { preimage: string }).preimage);
    }
    expect(preimages[0]).toContain("(workdir //a)");
    expect(preimages[0]).toContain("(shell(/bin/bash -c))");
    expect(preimages[1]).toBe(preimages[0]?.replace("/bin/bash -c", "/usr/bin/env bash -c"));
    expect(preimages[2]).toBe(preimages[1]?.replace("//a", "/a"));
  });
});

describe("as a program", () => {
  const spec = "((from busybox) (run (shell true)))";

  it.each([
    ["check", "-", "--json"],
    ["print", "-", "--form", "mach"],
    ["dockerfile", "-"],
    ["ids", "-", "--context", ".", "--json", "--shell", "/bin/zsh", "--shell", "-c"],
  ])("spec %s reads standard input", async (...argv) => {
    const answer = await launch(argv, spec);
    expect(answer).toMatchObject({ code: 0, stderr: "" });
    expect(answer.stdout.length).toBeGreaterThan(10);
    if (argv[0] === "ids") expect(answer.stdout.toString()).toContain("(shell(/bin/zsh -c))");
  });

  it.each([
    [[]],
    [["frob"]],
    [["check"]],
    [["check", "a", "b"]],
    [["check", "/no/such/file"]],
    [["check", "-", "--jsn"]],
    [["print", "-"]],
    [["print", "-", "--form", "xml"]],
    [["dockerfile", "-", "--escape", "mac"]],
    [["ids", "-", "--context", "/no/such/directory"]],
    [["ids", "-", "--uid", "x"]],
    [["ids", "-", "--env", "novalue"]],
    [["ids", "-", "--secret", "id"]],
    [["ids", "-", "--shell"]],
  ])("%j is a wrong command line: exit 2 and nothing on stdout", async (argv) => {
    const answer = argv[0] === undefined || argv.includes("-") ? await launch(argv, spec) : await call(...argv);
    expect(answer).toMatchObject({ code: 2, stdout: Buffer.alloc(0) });
    expect(answer.stderr).toContain("usage: macfoundry spec");
  });

  it("stops quietly when nobody reads on", async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => `(run (shell "echo ${index}"))`).join("\n");
    const file = fileOf({ name: "long", source: `((from busybox) ${lines})` });
    const answer = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
      const command = `"$0" "$1" spec ids "$2" --json | head -n 1`;
      execFile("/bin/sh", ["-c", command, process.execPath, launcher, file], (_error, stdout, stderr) => {
        resolve({ stdout, stderr });
      });
    });
    expect(answer.stdout.split("\n")).toHaveLength(2);
    expect(answer.stderr).toBe("");
  });
});
