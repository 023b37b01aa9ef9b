import { describe, expect, it } from "@jest/globals";
import {
  checkSpec,
  comment,
  copy,
  env,
  run,
  shell,
  stage,
  user,
  userName,
  workdir,
} from "../../../builder/spec/index.js";
import { printSpecMach } from "../../../builder/spec/canonical.js";
import { parseSpec } from "../../../builder/spec/parse.js";
import { toBytes } from "../../../builder/spec/bytes.js";

describe("specs written in TypeScript", () => {
  it("print canonically and read back as the same spec", () => {
    const tools = stage({ from: "toolbox" }, [run("make tools")]);
    const spec = stage({ from: "macos-homebrew", builds: { tools } }, [
      comment("an image"),
      user(705, 20),
      userName("Some One"),
      shell("/bin/zsh", "-c"),
      env("NAME", "žluť"),
      workdir("src"),
      copy("bin/tool", "/usr/local/bin/", { from: "tools" }),
      copy([".", "more"], "./", { exclude: [".git", "_build"] }),
      run("opam install dune", {
        cache: {
          opam: "/Users/mac705/.opam/download-cache",
          brew: { target: "/c", buildkitOptions: [["sharing", "locked"]] },
        },
        network: ["host"],
        secrets: { token: "/run/secrets/token" },
      }),
    ]);
    const text = printSpecMach(checkSpec(spec));
    expect(text).toBe(
      '((build tools((from toolbox)(run(shell"make tools"))))(from macos-homebrew)(comment"an image")' +
        '(user(uid 705)(gid 20))(user(name"Some One"))(shell /bin/zsh -c)(env NAME"\\197\\190lu\\197\\165")(workdir src)' +
        "(copy(from(build tools))(src bin/tool)(dst /usr/local/bin/))(copy(src . more)(dst ./)(exclude .git _build))" +
        "(run(cache(opam(target /Users/mac705/.opam/download-cache))(brew(target /c)(buildkit_options((sharing locked)))))" +
        '(network host)(secrets(token(target /run/secrets/token)))(shell"opam install dune")))',
    );
    const read = parseSpec(toBytes(text));
    expect(read.ok && read.spec).toEqual(spec);
  });

  it("take bytes that are no text", () => {
    expect(printSpecMach(stage({ from: Uint8Array.of(0xff, 0x41) }, []))).toBe('((from"\\255A"))');
  });

  it("refuse a copy from a build that isn't in scope, and numbers the language can't hold", () => {
    const spec = stage({ from: "x" }, [copy("a", "b", { from: "nowhere" })]);
    expect(() => checkSpec(spec)).toThrow(new RangeError('no build "nowhere" is in scope here'));
    expect(() => user(2n ** 62n, 0)).toThrow(RangeError);
    expect(() => user(0.5, 0)).toThrow(RangeError);
    expect(printSpecMach(stage({ from: "x" }, [user(-(2n ** 62n), 0)]))).toContain("-4611686018427387904");
  });
});
