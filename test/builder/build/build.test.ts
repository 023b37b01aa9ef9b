import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Lab } from "./lab.js";

const SPEC = `((from empty)
  (env GREETING "hello world")
  (workdir /src)
  (run (shell "echo \\"$GREETING\\" in $(pwd) as $(id -un); echo one > file; mkdir -p /opt/homebrew/bin; echo tool > /opt/homebrew/bin/tool"))
  (run (shell "cat file ~/local/bin/tool; echo two > other")))`;

describe("a build", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab.close());

  it("runs the steps as the builder, in the workdir below the home, and keeps each result with home and prefix", async () => {
    const result = await lab.build(SPEC);
    expect(lab.output).toBe("hello world in /Users/mac705/src as mac705\none\ntool\n");
    expect(result.steps.map(({ kind, isCached }) => [kind, isCached])).toEqual([
      ["from", false],
      ["run", false],
      ["run", false],
    ]);
    const rootfs = `${lab.store.root}/result/${result.id}/rootfs`;
    expect(lab.sh(`cd ${rootfs}; cat src/file src/other local/bin/tool; stat -c '%U %F' local src/file`)).toBe(
      "one\ntwo\ntool\nmac705 directory\nmac705 regular file\n",
    );
    expect(lab.sh(`cat ${lab.store.root}/result/${result.id}/log`)).toBe("one\ntool\n");
    expect(lab.sh(`cat ${lab.store.root}/result/${result.id}/env`)).toBe("((env ()))");
    expect(result.steps[2]?.seconds).toBeGreaterThan(0);
    expect(result.steps[2]?.bytes).toBeGreaterThan(0);
  });

  it("takes every step from the cache the second time, also after home and prefix were emptied, and restores them", async () => {
    const before = lab.listing("/Users/mac705") + lab.listing("/opt/homebrew");
    lab.sh("rm -rf /Users/mac705/* /Users/mac705/.[!.]* /opt/homebrew/*");
    const result = await lab.build(SPEC);
    expect(result.steps.every((step) => step.isCached)).toBe(true);
    expect(lab.output).toBe("");
    expect(lab.listing("/Users/mac705") + lab.listing("/opt/homebrew")).toBe(before);
  });

  it("leaves OBuilder's layout and rows, and nothing half-made", async () => {
    expect(lab.sh(`ls ${lab.store.root}`)).toBe("cache\ncache-tmp\nresult\nresult-tmp\nstate\ntrash\n");
    expect(
      lab.sh(
        `ls ${lab.store.root}/result-tmp ${lab.store.root}/cache-tmp /var/db/macfoundry/jobs /var/db/macfoundry/locks`,
      ),
    ).not.toMatch(/step|builder-|[0-9a-f]{64}/);
    const rows = lab.sh(
      `sqlite3 ${lab.store.root}/state/db/db.sqlite "select rc, parent is null from builds order by created, rowid; pragma journal_mode; pragma user_version"`,
    );
    expect(rows).toBe("1|1\n1|0\n0|0\nwal\n0\n");
  });
});
