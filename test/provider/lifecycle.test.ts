import { describe, expect, it } from "@jest/globals";
import type { Props, StateResource } from "../../components/resource.js";
import { MacfoundryError, isMacfoundryError } from "../../host/errors.js";
import { diffResource } from "../../provider/diff.js";
import { Hosts } from "../../provider/hosts.js";
import { Lifecycle, type Voice } from "../../provider/lifecycle.js";
import type { AnyResource } from "../../provider/registry.js";

/** A file of this machine, which is its own Mac (`local`): real scripts look at it. */
function makeFile(path: string, options: { script?: string } = {}): AnyResource {
  const resource: StateResource<Props, Props, string> = {
    folder: "file",
    type: "File",
    facts: { name: "file", script: options.script ?? `cat ${path} 2>/dev/null || :`, parse: (text) => text.trim() },
    check: () => [],
    read: (facts) => (facts === "" ? undefined : { text: facts }),
    plan: (observed, inputs) => {
      if (observed?.["text"] === inputs["text"]) return [];
      const human = inputs["text"] === "by hand" ? { human: "write it yourself" } : {};
      return [{ path: "text", live: observed?.["text"], desired: inputs["text"], ...human }];
    },
    apply: () => Promise.resolve(),
    remove: async ({ host }) => {
      await host.tryRead("true");
    },
    importInputs: (facts) => (facts === "" ? undefined : { text: facts }),
  };
  return resource;
}

function makeVoice(): { voice: Voice; lines: string[] } {
  const lines: string[] = [];
  const add = (kind: string) => (line: string) => void lines.push(`${kind}: ${line}`);
  return { lines, voice: { progress: add("progress"), info: add("info"), warn: add("warn") } };
}

let count = 0;
function setUp(hosts: Props = { mac1: { local: true } }, options = {}) {
  const path = `/tmp/macfoundry-lifecycle-${process.pid}-${++count}`;
  const resource = makeFile(path, options);
  const environment = { PULUMI_CONFIG: JSON.stringify({ hosts: JSON.stringify(hosts) }) };
  const abort = new AbortController();
  const lifecycle = new Lifecycle(Hosts.fromEnvironment(environment), [resource], abort.signal);
  return { path, resource, lifecycle, ...makeVoice(), inputs: { host: "mac1", text: "wanted", status: "converged" } };
}

const DEAD = { mac1: { address: "127.77.255.9", user: "u", hostKey: "ssh-ed25519 AAAA" } };
const ID = "mac1/file/main";

describe("the life of a resource", () => {
  it("what is as wanted is only looked at; a read tells the same, and nothing is told as gone", async () => {
    const { resource, lifecycle, inputs, voice } = setUp(undefined, { script: "echo wanted" });
    const created = await lifecycle.converge(resource, inputs, undefined, voice);
    expect(created).toEqual({ id: ID, outputs: { host: "mac1", text: "wanted", status: "converged" } });
    expect(await lifecycle.read(resource, ID, created.outputs, inputs, voice)).toEqual({ ...created, inputs });
    expect(await lifecycle.read(resource, ID, {}, {}, voice)).toEqual({ ...created, inputs });
    const gone = setUp();
    expect(await gone.lifecycle.read(gone.resource, ID, created.outputs, inputs, voice)).toBeUndefined();
  });

  it("a Mac that has left the stack's configuration is forgotten by a delete, and left as it is", async () => {
    const { resource, lifecycle, inputs, voice, lines } = setUp({});
    await lifecycle.remove(resource, ID, inputs, voice);
    expect(lines).toEqual(["warn: mac1 is no longer in macfoundry:hosts: forgotten here, left as it is on the Mac"]);
  });

  it("an update that changed nothing although every command succeeded is a failure, not a success", async () => {
    const { resource, lifecycle, inputs, voice } = setUp();
    const result = await lifecycle.converge(resource, inputs, undefined, voice);
    expect(result.failure?.code).toBe("COMMAND_FAILED");
    expect(result.failure?.message).toContain('yet the Mac still differs: text: (absent) => "wanted"');
  });

  it("what only a person can do ends an update with NEEDS_HUMAN and the procedure", async () => {
    const { resource, lifecycle, inputs, voice } = setUp(undefined, { script: "echo other" });
    const result = await lifecycle.converge(resource, { ...inputs, text: "by hand" }, undefined, voice);
    expect(result.failure?.code).toBe("NEEDS_HUMAN");
    expect(result.failure?.remedy).toBe("write it yourself");
  });

  it("what is only observed is never changed, created or deleted", async () => {
    const { resource, lifecycle, inputs, voice, lines } = setUp(undefined, { script: "echo other" });
    const observing = { ...inputs, observe: true };
    const result = await lifecycle.converge(resource, observing, undefined, voice);
    expect(result).toEqual({ id: ID, outputs: { host: "mac1", observe: true, text: "other", status: "converged" } });
    expect([...diffResource(resource, result.outputs, observing, observing).entries.keys()]).toEqual(["text"]);
    await lifecycle.remove(resource, ID, observing, voice);
    expect(lines).toEqual(["info: only observed: forgotten here, left alone on the Mac"]);
  });
});

describe("a Mac that cannot be looked at", () => {
  it("keeps its last state in a read, with the reason, and is told of once", async () => {
    const { resource, lifecycle, inputs, voice, lines } = setUp(DEAD);
    const state = { host: "mac1", text: "last", status: "converged" };
    const first = await lifecycle.read(resource, ID, state, inputs, voice);
    expect(first?.outputs).toEqual({ ...state, status: "could not look: HOST_UNREACHABLE" });
    await lifecycle.read(resource, ID, state, inputs, voice);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("could not look, the last known state is kept: HOST_UNREACHABLE on mac1");
    expect([...diffResource(resource, first?.outputs ?? {}, inputs, inputs).entries.keys()]).toEqual([
      "status",
      "text",
    ]);
  });

  it("keeps its last state in an update that fails", async () => {
    const { resource, lifecycle, inputs, voice } = setUp(DEAD);
    const outputs = { host: "mac1", text: "last", status: "converged" };
    const result = await lifecycle.converge(resource, inputs, { inputs, outputs }, voice);
    expect(result.failure?.code).toBe("HOST_UNREACHABLE");
    expect(result.outputs).toEqual({ ...outputs, status: "unfinished: HOST_UNREACHABLE" });
  });

  it("that was never seen can still be compared: everything is absent", async () => {
    const { resource, lifecycle, inputs, voice } = setUp(DEAD);
    const result = await lifecycle.converge(resource, inputs, undefined, voice);
    expect(result.outputs).toEqual({ host: "mac1", status: "unfinished: HOST_UNREACHABLE" });
    const entries = diffResource(resource, result.outputs, inputs, inputs).entries;
    expect(entries.get("text")).toEqual({ kind: "add", isInput: false });
  });

  it("fails an import and a delete; a delete only without deleteUnreachable", async () => {
    const { resource, lifecycle, inputs, voice } = setUp(DEAD);
    const codeOf = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "none",
        (error: unknown) => (isMacfoundryError(error) ? error.code : error),
      );
    expect(await codeOf(lifecycle.read(resource, ID, {}, {}, voice))).toBe("HOST_UNREACHABLE");
    expect(await codeOf(lifecycle.remove(resource, ID, inputs, voice))).toBe("HOST_UNREACHABLE");
    const gone = setUp({ mac1: { ...DEAD.mac1, deleteUnreachable: true } });
    expect(await codeOf(gone.lifecycle.remove(resource, ID, inputs, gone.voice))).toBe("none");
  });
});

describe("other failures", () => {
  it("a defect of ours is told as one, with its place", async () => {
    const { resource, lifecycle, inputs, voice } = setUp();
    const broken: AnyResource = { ...resource, plan: () => { throw new TypeError("x is not a function"); } }; // prettier-ignore
    const { failure } = await lifecycle.converge(broken, inputs, undefined, voice);
    expect(failure?.message).toContain("COMMAND_FAILED on mac1: file: a defect of macfoundry: TypeError: x is not");
  });

  it("an id that is none of ours is refused", async () => {
    const { resource, lifecycle, voice } = setUp();
    await expect(lifecycle.read(resource, "nonsense", {}, {}, voice)).rejects.toThrow(MacfoundryError);
  });
});
