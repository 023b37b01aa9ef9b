import { describe, expect, it } from "@jest/globals";
import { isMacfoundryError } from "../../host/errors.js";
import { parseHosts } from "../../host/parse-hosts.js";

function refuse(json: string): string {
  try {
    parseHosts(json);
  } catch (error) {
    if (isMacfoundryError(error, "CONFIG_INVALID")) return error.why;
    throw error;
  }
  throw new Error("it was taken");
}

describe("macfoundry:hosts as the engine hands it on", () => {
  it("gives each Mac with its defaults", () => {
    const hosts = parseHosts('{"a":{"address":"h","user":"u","hostKey":"k"},"me":{"local":true}}');
    expect(hosts.get("a")).toMatchObject({ name: "a", address: "h", port: 22, local: false, deleteUnreachable: false });
    expect(hosts.get("me")).toMatchObject({ address: "localhost", user: "root", local: true });
    expect(parseHosts("{}").size).toBe(0);
  });

  it("names all problems at once, by Mac and key", () => {
    expect(refuse('{"a":{"port":70000,"user":5,"hostKey":"k"},"b":7}')).toBe(
      "a.port: must be 1 to 65535; a.address: is missing; a.user: must be text; a.user: is missing; b: must be a mapping",
    );
  });

  it("never prints text that it cannot read, which may hold decrypted values", () => {
    expect(refuse('["planted-secret"]')).not.toContain("planted");
    expect(refuse('{"a": planted-secret')).not.toContain("planted");
  });
});
