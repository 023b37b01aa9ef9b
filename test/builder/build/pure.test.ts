import { describe, expect, it } from "@jest/globals";
import { nameCache } from "../../../builder/build/caches.js";
import { composeCommand, renderWords, resolveInHome } from "../../../builder/build/command.js";
import { parseEnvFile, printEnvFile } from "../../../builder/build/env-file.js";
import { describeExit } from "../../../builder/build/failure.js";
import { computeRecipe, publishedPath, type RecipeInput } from "../../../builder/build/recipe.js";
import { parseReport, totalSeconds } from "../../../builder/build/report.js";
import { asBytes, fromText } from "../../../builder/spec/index.js";
import { locateJob, renderJobPlist } from "../../../host/jobs/plist.js";

const BUILDER = { name: "mac705", uid: 705, gid: 20, home: "/Users/mac705", prefix: "/opt/homebrew" };

describe("a step's command", () => {
  const argv = ["/bin/bash", "-c", "true"].map(asBytes);
  it("is OBuilder's text: TMPDIR first, every pair quoted, the spec's order kept", () => {
    const env = [[asBytes("A"), asBytes("it's")] as const, [asBytes("CI"), asBytes("true")] as const];
    const [text, ...words] = composeCommand(BUILDER, "/var/folders/x/y/T/", { argv, env, workdir: asBytes("/") }, true);
    expect(text).toBe(
      `source ~/.obuilder_profile.sh && env 'TMPDIR=/var/folders/x/y/T/' 'A=it'\\''s' 'CI=true' "$0" "$@"`,
    );
    expect(words).toEqual(argv);
  });
  it("starts in the workdir below the home, and does without a profile that is not there", () => {
    const [text] = composeCommand(BUILDER, "/t", { argv, env: [], workdir: asBytes("/src/./x/") }, false);
    expect(text).toBe(
      `{ [ -d '/Users/mac705/src/x' ] || mkdir -p '/Users/mac705/src/x'; } && cd '/Users/mac705/src/x' && env 'TMPDIR=/t' "$0" "$@"`,
    );
  });
  it("maps absolute paths below the home", () => {
    expect(resolveInHome("/Users/u", "/")).toBe("/Users/u");
    expect(resolveInHome("/Users/u", "//a//b/")).toBe("/Users/u/a/b");
  });
  it("sends words that are not UTF-8 as hex", () => {
    expect(renderWords([fromText("é"), asBytes("a b")])).toBe("text 'é' 'a b'");
    expect(renderWords([asBytes("\xff"), asBytes("")])).toBe("hex ff -");
  });
});

describe("a recipe", () => {
  const input: RecipeInput = {
    spec: "((from empty))",
    from: { a: "1", b: "2" },
    sources: {},
    arch: "arm64",
    macos: "15",
    builder: BUILDER,
    contextDigest: undefined,
    env: {},
    network: "allow",
  };
  it("does not depend on the order of keys, and changes with everything that decides the image", () => {
    const recipe = computeRecipe(input);
    expect(recipe).toMatch(/^[0-9a-f]{64}$/);
    expect(computeRecipe({ ...input, from: { b: "2", a: "1" } })).toBe(recipe);
    const others: Partial<RecipeInput>[] = [
      { spec: "((from b))" },
      { from: { a: "1", b: "3" } },
      { sources: { x: "y" } },
      { arch: "x86_64" },
      { macos: "14" },
      { builder: { ...BUILDER, home: "/Users/other" } },
      { builder: { ...BUILDER, prefix: undefined } },
      { contextDigest: "d" },
      { env: { A: "b" } },
      { network: "deny" },
    ];
    expect(new Set([recipe, ...others.map((change) => computeRecipe({ ...input, ...change }))]).size).toBe(
      others.length + 1,
    );
  });
  it("names the publication by its first 16 digits, and nothing else can be in a name", () => {
    expect(publishedPath("tools", "ab".repeat(32))).toBe("/Users/tools@abababababababab");
    expect(() => publishedPath("../x", "ab".repeat(32))).toThrow(RangeError);
    expect(() => publishedPath("x", "ab")).toThrow(RangeError);
  });
});

describe("small things", () => {
  it("writes and reads the env file, and refuses what is none", () => {
    const env = [[asBytes("PATH"), asBytes("/bin")] as const, [asBytes("NOTE"), asBytes("two words")] as const];
    expect(printEnvFile(env)).toBe('((env ((PATH /bin) (NOTE "two words"))))');
    expect(parseEnvFile(Buffer.from(printEnvFile(env)))).toEqual(env);
    for (const text of ["", "((env))", "((env (A)))", "((ENV ()))", "(env ())"])
      expect(parseEnvFile(Buffer.from(text))).toBeUndefined();
  });
  it("tells how a command ended in OBuilder's words", () => {
    expect(describeExit(["a", 'b"c'].map(asBytes), 7)).toBe('"a" "b"c" failed with exit status 7');
    expect(describeExit([asBytes("a")], 137)).toBe('"a" failed with signal SIGKILL');
  });
  it("names caches so that none leads elsewhere and no two are one", () => {
    expect(["a", "a/1", "..", ".", "a%2f1", ""].map((id) => nameCache(asBytes(id)))).toEqual([
      "a",
      "a%2f1",
      "%2e.",
      "%2e",
      "a%252f1",
      "%",
    ]);
  });
  it("reads a job's report", () => {
    const report = parseReport("seconds restore 1.5\nseconds command 2\nkib 12\nfault NOT_OWNED a b\ncommand-rc 3\n");
    expect(report).toMatchObject({ commandRc: 3, kib: 12, fault: { code: "NOT_OWNED", text: "a b" } });
    expect(totalSeconds(report)).toBe(3.5);
  });
  it("makes a property list that launchd takes, and refuses ids that lead elsewhere", () => {
    const place = locateJob("/var/db/macfoundry", "step-705-ab");
    const text = renderJobPlist(place, undefined);
    expect(text).toContain("<string>dev.macfoundry.job.step-705-ab</string>");
    expect(text).not.toContain("KeepAlive");
    expect(() => locateJob("/var/db/macfoundry", "../x")).toThrow(RangeError);
  });
});
