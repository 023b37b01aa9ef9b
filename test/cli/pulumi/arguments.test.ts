import { describe, expect, it } from "@jest/globals";
import { addContinueOnError, readCommand, takesLock } from "../../../cli/pulumi/arguments.js";

const split = (line: string): string[] => line.split(" ").filter((word) => word !== "");
const add = (line: string, env: Record<string, string> = {}): string => {
  const argv = split(line);
  return addContinueOnError(argv, readCommand(argv), env).join(" ");
};

describe("reading Pulumi's command line", () => {
  it.each([
    ["up --yes", "up", undefined, undefined],
    ["update -s dev", "up", "dev", undefined],
    ["down --stack=org/fleet/dev", "destroy", "org/fleet/dev", undefined],
    ["dn -sdev", "destroy", "dev", undefined],
    ["pre --diff", "preview", undefined, undefined],
    ["-C /some/where --color never up --stack dev", "up", "dev", "/some/where"],
    ["-v 9 --logtostderr --non-interactive refresh", "refresh", undefined, undefined],
    ["--cwd=/x stack rm dev", "stack", undefined, "/x"],
    ["--version", undefined, undefined, undefined],
    ["", undefined, undefined, undefined],
  ])("%s", (line, name, stack, cwd) => {
    expect(readCommand(split(line))).toMatchObject({ name, stack, cwd });
  });
});

describe("--continue-on-error", () => {
  it.each([
    ["up --yes", "up --continue-on-error --yes"],
    ["update", "update --continue-on-error"],
    ["destroy -s dev", "destroy --continue-on-error -s dev"],
    ["down", "down --continue-on-error"],
    ["-C /x --color never dn", "-C /x --color never dn --continue-on-error"],
    ["up -s up", "up --continue-on-error -s up"],
  ])("is added: %s", (line, expected) => {
    expect(add(line)).toBe(expected);
  });

  it.each([
    "preview",
    "refresh --yes",
    "stack select up",
    "config set up destroy",
    "import a b c",
    "cancel",
    "--color up preview",
    "up --continue-on-error",
    "up --continue-on-error=false --yes",
    "",
  ])("is not added: %s", (line) => {
    expect(add(line)).toBe(split(line).join(" "));
  });

  it("is left to the person who has set Pulumi's variable", () => {
    expect(add("up", { PULUMI_CONTINUE_ON_ERROR: "false" })).toBe("up");
  });
});

describe("the stack's lock", () => {
  it("concerns the commands that write state, not preview", () => {
    const locking = ["up", "update", "destroy", "down", "refresh", "import", "preview", "stack", "config"].filter(
      (name) => takesLock(readCommand([name])),
    );
    expect(locking).toEqual(["up", "update", "destroy", "down", "refresh", "import"]);
  });
});
