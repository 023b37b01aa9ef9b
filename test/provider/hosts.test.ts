import { describe, expect, it } from "@jest/globals";
import { isMacfoundryError } from "../../host/errors.js";
import { Hosts } from "../../provider/hosts.js";

const environment = (hosts: unknown): NodeJS.ProcessEnv => ({
  PULUMI_CONFIG: JSON.stringify({ hosts: JSON.stringify(hosts) }),
});

describe("the stack's Macs", () => {
  it("come from the engine's environment, each opened once", () => {
    const hosts = Hosts.fromEnvironment(environment({ a: { address: "x", user: "u", hostKey: "k" } }));
    expect(hosts.names()).toEqual(["a"]);
    expect(hosts.get("a")).toBe(hosts.get("a"));
    expect(hosts.get("a").config.address).toBe("x");
  });

  it("may be none", () => {
    expect(Hosts.fromEnvironment({}).names()).toEqual([]);
  });

  it("say which there are when one is asked for that is not", () => {
    const hosts = Hosts.fromEnvironment(environment({ a: { local: true }, b: { local: true } }));
    let caught: unknown;
    try {
      hosts.get("c");
    } catch (error) {
      caught = error;
    }
    expect(isMacfoundryError(caught, "CONFIG_INVALID") && caught.message).toContain("it has a, b");
  });
});
