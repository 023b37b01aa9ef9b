import { describe, expect, it } from "@jest/globals";
import { readStackHosts } from "../../../cli/hosts/read-hosts.js";
import { chooseHost } from "../../../cli/hosts/open.js";
import { findStackFile, loadStackHosts } from "../../../cli/hosts/stack.js";
import { parseOptions, UsageError } from "../../../cli/spec/options.js";

const FILE = `config:
  macfoundry:hosts:
    mini-1: { address: 127.0.0.1, port: 2022, user: admin, identity: keys/id, hostKey: "ssh-ed25519 AAAA" }
    mini-2: { address: { secure: "v1:abc" }, user: admin, hostKey: "ssh-ed25519 AAAA" }
    mini-3: { user: admin, hostKey: "ssh-ed25519 AAAA" }
  fleet:store: { engine: rsync, path: /Volumes/store }
`;

describe("readStackHosts", () => {
  const read = (text: string) => readStackHosts(text, "Pulumi.pool.yaml", (path) => `/stacks/${path}`);

  it("gives a Mac with defaults filled in and its key's path made absolute", () => {
    const stack = read(FILE);
    expect(stack.names).toEqual(["mini-1", "mini-2", "mini-3"]);
    expect(stack.storePath).toBe("/Volumes/store");
    expect(stack.find("mini-1")).toMatchObject({ address: "127.0.0.1", port: 2022, identity: "/stacks/keys/id" });
  });

  it("says that only Pulumi can read an encrypted value, names the place, and never shows it", () => {
    const find = () => read(FILE).find("mini-2");
    expect(find).toThrow(/macfoundry:hosts\.mini-2\.address: is encrypted, and only Pulumi can read it/);
    expect(find).not.toThrow(/v1:abc/);
  });

  it("refuses an unknown Mac with the known ones, an entry with a missing part, and what is no YAML", () => {
    expect(() => read(FILE).find("mini-9")).toThrow(/no such Mac; it has mini-1, mini-2, mini-3/);
    expect(() => read(FILE).find("__proto__")).toThrow(/no such Mac/);
    expect(() => read(FILE).find("mini-3")).toThrow(/mini-3\.address: is missing/);
    expect(() => read("config: [")).toThrow(/CONFIG_INVALID/);
    expect(read("").names).toEqual([]);
  });
});

describe("the Mac that a command line means", () => {
  const choose = (words: string[], platform: NodeJS.Platform) =>
    chooseHost(parseOptions(words, { host: "value", local: "flag", stack: "value" }), {}, platform);

  it("is this machine with --local, and on a Mac without it", () => {
    expect(choose(["--local"], "linux").local).toBe(true);
    expect(choose([], "darwin").local).toBe(true);
  });

  it("is never this machine by accident elsewhere", () => {
    expect(() => choose([], "linux")).toThrow(UsageError);
    expect(() => choose(["--host", "a", "--local"], "linux")).toThrow(UsageError);
    expect(() => choose(["--stack", "a"], "darwin")).toThrow(UsageError);
  });
});

describe("the selected stack's file", () => {
  const nowhere = { XDG_DATA_HOME: "/nonexistent", XDG_CACHE_HOME: "/nonexistent", PULUMI_HOME: "/nonexistent" };

  it("is the named one's, the one in MACFOUNDRY_STACK_FILE, or PULUMI_STACK's, in this order", () => {
    const both = { ...nowhere, MACFOUNDRY_STACK_FILE: "/a/Pulumi.x.yaml", PULUMI_STACK: "y" };
    expect(findStackFile("organization/fleet/z", both)).toMatch(/\/stacks\/Pulumi\.z\.yaml$/);
    expect(findStackFile(undefined, both)).toBe("/a/Pulumi.x.yaml");
    expect(findStackFile(undefined, { ...nowhere, PULUMI_STACK: "y" })).toMatch(/\/stacks\/Pulumi\.y\.yaml$/);
  });

  it("is asked for when there is none, and named when it cannot be read", () => {
    expect(() => findStackFile(undefined, nowhere)).toThrow(/no stack is named or selected/);
    expect(() => loadStackHosts("no-such-stack", nowhere)).toThrow(
      /Pulumi\.no-such-stack\.yaml: cannot be read: ENOENT/,
    );
  });
});
