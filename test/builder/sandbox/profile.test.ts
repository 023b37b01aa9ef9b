import { describe, expect, it } from "@jest/globals";
import { renderSandboxProfile } from "../../../builder/sandbox/profile.js";
import { explainRefusal } from "../../../builder/sandbox/refusal.js";

const RULES = {
  home: "/Users/mac705",
  prefix: "/opt/homebrew",
  tmpDir: "/var/folders/zz/abc/T/",
  network: "allow" as const,
};

describe("the sandbox's profile", () => {
  it("denies writing but below home, prefix and the builder's temporary folders, each in both forms of its path", () => {
    const profile = renderSandboxProfile(RULES);
    expect(profile.indexOf("(deny file-write*)")).toBeLessThan(profile.indexOf("(allow file-write*"));
    const allowed = [...profile.matchAll(/\(subpath "([^"]*)"\)/g)].map((match) => match[1]);
    expect(allowed).toEqual([
      "/Users/mac705",
      "/opt/homebrew",
      "/var/folders/zz/abc/T",
      "/private/var/folders/zz/abc/T",
      "/var/folders/zz/abc/C",
      "/private/var/folders/zz/abc/C",
    ]);
    expect(profile).not.toContain("network");
  });

  it("keeps loopback when the network is denied", () => {
    const profile = renderSandboxProfile({ ...RULES, network: "deny" });
    expect(profile.indexOf("(deny network*)")).toBeLessThan(
      profile.indexOf('(allow network* (remote ip "localhost:*"))'),
    );
  });

  it("lets no path end the quoted text", () => {
    expect(renderSandboxProfile({ ...RULES, home: '/Users/a") (allow file-write*' })).toContain(
      '(subpath "/Users/a\\") (allow file-write*")',
    );
  });
});

describe("a refused write", () => {
  it("is explained by what the profile allows", () => {
    expect(explainRefusal("touch: /x: Operation not permitted\n", RULES)).toMatch(
      /only below \/Users\/mac705, \/opt\/homebrew/,
    );
    expect(explainRefusal("sandbox-exec: sandbox_apply: Operation not permitted\n", RULES)).toMatch(
      /--disable-sandboxing/,
    );
    expect(explainRefusal("gcc: error\n", RULES)).toBeUndefined();
  });
});
