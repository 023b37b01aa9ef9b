import { describe, expect, it } from "@jest/globals";
import { isMacfoundryError } from "../../host/errors.js";
import { assertSameConfig, findStackFile } from "../../stacks/stack-file.js";

function refusalOf(text: string, live: Record<string, string>): string {
  try {
    assertSameConfig("/f.yaml", text, live);
  } catch (error) {
    if (isMacfoundryError(error, "CONFIG_INVALID")) return error.message;
    throw error;
  }
  return "none";
}

describe("the stack's file", () => {
  it("lies in the clone's stacks folder unless it is named", () => {
    expect(findStackFile("dev", { MACFOUNDRY_STACK_FILE: "/elsewhere.yaml" })).toBe("/elsewhere.yaml");
    expect(findStackFile("dev", {})).toMatch(/\/stacks\/Pulumi\.dev\.yaml$/);
  });

  it("must say what Pulumi uses", () => {
    const text = 'config:\n  fleet:expect: { arch: x86_64, macos: "14" }\n  fleet:observe: true\n  fleet:note: "14"\n';
    const live = { "fleet:expect": '{"arch":"x86_64","macos":"14"}', "fleet:observe": "true", "fleet:note": "14" };
    expect(refusalOf(text, live)).toBe("none");
    expect(refusalOf(text, { ...live, "fleet:observe": "false" })).toContain("fleet:observe is not what Pulumi uses");
    expect(refusalOf(text, { "fleet:expect": live["fleet:expect"] })).toContain("MACFOUNDRY_STACK_FILE");
  });

  it("is not compared where a value is encrypted, and may be empty", () => {
    const text = "encryptionsalt: x\nconfig:\n  macfoundry:hosts: { a: { identity: { secure: v1:abc } } }\n";
    expect(refusalOf(text, { "macfoundry:hosts": '{"a":{"identity":"plain"}}' })).toBe("none");
    expect(refusalOf("", {})).toBe("none");
  });
});
