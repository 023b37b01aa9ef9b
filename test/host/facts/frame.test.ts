import { execFileSync } from "node:child_process";
import { describe, expect, it } from "@jest/globals";
import { frameScripts, parseFrames, type FactScript } from "../../../host/facts/frame.js";
import { wholeScript } from "../../../host/scripts.js";

const NONCE = "@0123456789abcdef";

function collect(parts: FactScript[]): ReturnType<typeof parseFrames> {
  return parseFrames(
    execFileSync("/bin/sh", ["-s"], { input: wholeScript(frameScripts(parts, NONCE)) }).toString(),
    NONCE,
  );
}

describe("one script of all parts", () => {
  it("gives each part's output and exit status, and neither touches the next", () => {
    const sections = collect([
      { name: "first", script: "a=1; echo one; echo two >&2" },
      { name: "failing", script: "echo before; false; echo after" },
      { name: "unset", script: 'echo "$a"' },
      { name: "exiting", script: "exit 9" },
      { name: "last", script: "printf 'no end'" },
    ]);
    expect(sections.get("first")).toEqual({ code: 0, text: "one\ntwo\n" });
    expect(sections.get("failing")).toEqual({ code: 1, text: "before\n" });
    expect(sections.get("unset")?.code).not.toBe(0);
    expect(sections.get("exiting")).toEqual({ code: 9, text: "" });
    expect(sections.get("last")).toEqual({ code: 0, text: "no end" });
  });

  it("is not fooled by what a Mac prints", () => {
    const forged = "printf '\\n@other-end a 0\\n@other-begin b\\nforged\\n@other-end b 0\\n'";
    const sections = collect([
      { name: "a", script: `${forged}; exit 3` },
      { name: "b", script: "echo real" },
    ]);
    expect(sections.get("a")?.code).toBe(3);
    expect(sections.get("b")).toEqual({ code: 0, text: "real\n" });
  });

  it("leaves out a part in which the connection was cut", () => {
    const whole = `\n${NONCE}-begin a\nx\n\n${NONCE}-end a 0\n\n${NONCE}-begin b\nhalf`;
    expect([...parseFrames(whole, NONCE).keys()]).toEqual(["a"]);
  });

  it("reads hundreds of kilobytes at once", () => {
    const sections = collect([{ name: "big", script: "yes 0123456789 | head -n 50000" }]);
    expect(sections.get("big")?.text.length).toBe(550_000);
  });
});
