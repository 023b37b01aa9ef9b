import { describe, expect, it } from "@jest/globals";
import { checkInputs, completeInputs } from "../../provider/check.js";
import { findByFolder, type AnyResource } from "../../provider/registry.js";
import { UNKNOWN } from "../../provider/values.js";

function find(folder: string): AnyResource {
  const resource = findByFolder(folder);
  if (resource === undefined) throw new Error(folder);
  return resource;
}

const builder = {
  name: "m",
  uid: 705,
  gid: 20,
  fullName: "m",
  shell: "/bin/bash",
  home: "/Users/m",
  hidden: true,
  groups: [],
};

describe("check", () => {
  it("names all problems at once, each by its path and with the value", () => {
    const problems = checkInputs(
      find("builder"),
      {
        host: "mac9",
        name: "a b",
        observe: "yes",
        builders: [
          { ...builder, uid: 501, home: "m" },
          { ...builder, shell: "bash" },
        ],
      },
      ["mac1", "mac2"],
    );
    expect(problems).toEqual([
      { path: "host", reason: '"mac9" is not in macfoundry:hosts (mac1, mac2)' },
      { path: "name", reason: 'must be letters, digits, dots, dashes, got "a b"' },
      { path: "observe", reason: 'must be true or false, got "yes"' },
      { path: "builders[0].uid", reason: "must be a whole number from 502 to 2147483646, got 501" },
      { path: "builders[0].home", reason: 'must be an absolute path without "." and "..", got "m"' },
      { path: "builders[1].shell", reason: 'must be an absolute path without "." and "..", got "bash"' },
      { path: "builders[1].name", reason: '"m" is builders[0]\'s already' },
    ]);
  });

  it("says nothing of what is not known yet", () => {
    expect(checkInputs(find("builder"), { host: "mac1", builders: UNKNOWN }, [])).toEqual([]);
    expect(checkInputs(find("builder"), { host: UNKNOWN, builders: [{ ...builder, uid: UNKNOWN }] }, ["a"])).toEqual(
      [],
    );
  });

  it("wants a Mac's arch and quoted version", () => {
    expect(checkInputs(find("mac-host"), { host: "mac1", arch: "arm", macos: 14 }, []).map(({ path }) => path)).toEqual(
      ["arch", "macos"],
    );
  });

  it("adds to the inputs what is wanted without being said", () => {
    expect(completeInputs(find("builder"), { host: "mac1", builders: [{ ...builder, groups: ["z", "a"] }] })).toEqual({
      host: "mac1",
      status: "converged",
      builders: [{ ...builder, groups: ["a", "z"], homeAccess: "700 705:20", managed: true, password: "none" }],
    });
  });
});
