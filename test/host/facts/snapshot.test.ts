import { describe, expect, it } from "@jest/globals";
import type { Transport } from "../../../host/config.js";
import { isMacfoundryError } from "../../../host/errors.js";
import { FactSnapshots } from "../../../host/facts/snapshot.js";
import { Host } from "../../../host/host.js";
import { runProcess } from "../../../host/process.js";

const CONFIG = { name: "mac1", address: "", port: 22, user: "", hostKey: "" };
const PARTS = [
  { name: "good", script: "date +%s%N" },
  { name: "bad", script: "echo why; exit 4" },
];

/** This machine's shell, counted; changes run without the Mac's lock. */
function makeHost(): { host: Host; runs: () => number; fail: (times: number) => void } {
  let runs = 0;
  let failures = 0;
  const transport: Transport = {
    run: (words, input, options) => {
      runs += 1;
      if (failures > 0) {
        failures -= 1;
        return Promise.reject(new Error("cut"));
      }
      return runProcess("/bin/sh", words[0] === "/usr/bin/perl" ? ["-c", "true"] : ["-s"], input, options);
    },
    close: () => Promise.resolve(),
  };
  return { host: new Host(CONFIG, transport), runs: () => runs, fail: (times) => (failures = times) };
}

describe("a snapshot of facts", () => {
  it("is one run for all that ask, at once and later", async () => {
    const { host, runs } = makeHost();
    const facts = new FactSnapshots(PARTS);
    const answers = await Promise.all([facts.get(host, "good"), facts.get(host, "good")]);
    expect(await facts.get(host, "good")).toBe(answers[0]);
    expect(answers[1]).toBe(answers[0]);
    expect(runs()).toBe(1);
  });

  it("is taken anew after a change", async () => {
    const { host, runs } = makeHost();
    const facts = new FactSnapshots(PARTS);
    const before = await facts.get(host, "good");
    await host.change("something", "true");
    expect(await facts.get(host, "good")).not.toBe(before);
    expect(runs()).toBe(3);
  });

  it("tells of a part that failed with its own words, and of one that is missing", async () => {
    const { host } = makeHost();
    const facts = new FactSnapshots(PARTS);
    const error = await facts.get(host, "bad").catch((reason: unknown) => reason);
    expect(isMacfoundryError(error, "COMMAND_FAILED") && error.message).toContain(
      "facts about bad: exit status 4: why",
    );
    const missing = await facts.get(host, "unknown").catch((reason: unknown) => reason);
    expect(isMacfoundryError(missing, "COMMAND_FAILED") && missing.why).toBe("no answer");
  });

  it("that failed is not kept: the next one to ask tries again", async () => {
    const { host, fail } = makeHost();
    const facts = new FactSnapshots(PARTS);
    fail(1);
    const both = await Promise.allSettled([facts.get(host, "good"), facts.get(host, "good")]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await facts.get(host, "good")).toMatch(/^\d+\n$/);
  });
});
