import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { MacLab } from "./mac-lab.js";

describe("a build on a simulated Mac", () => {
  let lab: MacLab;
  beforeAll(async () => {
    lab = await MacLab.boot({ profile: "arm-15" });
  }, 120_000);
  afterAll(() => lab.close());

  it("runs, is cached, and restores", async () => {
    const text = `((from empty) (workdir /src)
      (run (shell "echo $TMPDIR; id; echo hi > x; echo tool > /opt/homebrew/tool; echo t > $TMPDIR/t"))
      (run (shell "cat x ~/local/tool")))`;
    const first = await lab.build(text);
    expect(lab.output).toContain("/var/folders/");
    expect(lab.output).toContain("hi\ntool\n");
    await lab.mac.run("rm -rf /opt/homebrew/tool /Users/mac705/src");
    const again = await lab.build(text);
    expect(again.steps.every((step) => step.isCached)).toBe(true);
    expect(await lab.mac.run("cat /opt/homebrew/tool /Users/mac705/src/x; find /var/folders -user 705 -type f")).toBe(
      "tool\nhi\n",
    );
    expect(again.id).toBe(first.id);
  });

  it("refuses a write outside, and says what the sandbox allows", async () => {
    const failing = lab.build(`((from empty) (run (shell "echo x > /Users/Shared/escaped")))`);
    await expect(failing).rejects.toMatchObject({ code: "STEP_FAILED" });
    await expect(failing).rejects.toThrow(/allows writing only below \/Users\/mac705, \/opt\/homebrew/);
    expect(await lab.mac.run("ls /Users/Shared")).not.toContain("escaped");
  });

  it("runs the login files of the home inside the sandbox, too", async () => {
    await lab.build(`((from empty)
      (run (shell "echo 'echo x > /Users/Shared/by-profile' > .bash_profile"))
      (run (shell true)))`);
    expect(await lab.mac.run("ls -A /Users/Shared")).not.toContain("by-profile");
  });

  it("clones instead of copying where the volume can, with a helper that is compiled there", async () => {
    const store = { engine: "clone" as const, root: "/var/db/macfoundry/clones/mac705" };
    const text = `((from empty)
      (run (shell "echo a > a; ln a b; echo tool > /opt/homebrew/tool"))
      (run (shell "echo changed > b; cat a /opt/homebrew/tool")))`;
    const result = await lab.build(text, { store });
    expect(lab.output).toBe("changed\ntool\n");
    await lab.mac.run("rm -rf /Users/mac705/a /opt/homebrew/tool");
    const again = await lab.build(text, { store });
    expect(again.steps.every((step) => step.isCached)).toBe(true);
    const [, first] = result.steps;
    expect(await lab.mac.run(`cat ${store.root}/result/${first?.id}/rootfs/a /Users/mac705/a /opt/homebrew/tool`)).toBe(
      "a\nchanged\ntool\n",
    );
  });
});
