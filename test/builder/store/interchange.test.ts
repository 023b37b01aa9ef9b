import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from "../build/lab.js";

/** The build that OBuilder v0.5.1 was recorded with, its rsync store and macOS sandbox (copy mode). */
const SPEC = `((from base-x)
 (env CI true)
 (run (network host) (shell "echo \\"home=$HOME pwd=$(pwd) ci=$CI tmp=$TMPDIR id=$(id -u):$(id -g)\\"; cat local/readme; mkdir hello"))
 (workdir /src)
 (copy (src hello.txt tree) (dst ./in/))
 (run (cache (c (target /Users/mac705/cache))) (shell "pwd; find . -type f | sort; rmdir hello; ls -d /Users/mac705/cache || echo the cache was not mounted")))`;

const RECORDED = [
  "fa2171da437013a53b3c461e782bdfb79ca4dbc51e64c7705d209d3ebbbcded4",
  "4dc3f95f0e350d76c8dfa3d7a4a30886b2618ff296367f685f35d67071e94ae1",
  "cb010818ca0234ccc2eaf34870d108443d5762666c494e60d7bd6fdfe63b1d1c",
  "a80a4feb962dd0ef2cab6504ca0855ff4986bb3690506b0eb56976f565e1413b",
];

describe("interchange with OBuilder's rsync store", () => {
  let lab: Lab;
  let context: string;
  const build = () =>
    lab.build(SPEC.replace("rmdir hello", "rmdir ~/hello"), {
      contextDir: context,
      idCompat: "0.5",
      resolveBase: () => ({ path: "/Users/base-x" }),
    });
  beforeAll(async () => {
    lab = await Lab.open({ prefix: undefined });
    context = mkdtempSync(join(tmpdir(), "mf-inter-"));
    mkdirSync(join(context, "tree"));
    writeFileSync(join(context, "hello.txt"), "hello\n");
    writeFileSync(join(context, "tree/a"), "a\n");
    lab.sh(
      "mkdir -p /Users/base-x/local/bin; echo 'export P=1' > /Users/base-x/.obuilder_profile.sh; echo base file > /Users/base-x/local/readme",
    );
  });
  afterAll(async () => {
    rmSync(context, { recursive: true });
    await lab.close();
  });

  it("has the ids that the real program recorded, where the steps' text is the same", async () => {
    const { steps } = await build();
    expect(steps.slice(0, 3).map(({ id }) => id)).toEqual(RECORDED.slice(0, 3));
    expect(lab.output).toContain("home=/Users/mac705 pwd=/Users/mac705 ci=true");
    expect(lab.output).toContain("base file\n");
  });

  it("leaves the files where the real program leaves them, with its rows and chain", () => {
    const store = lab.store.root;
    const tree = lab.sh(
      `cd ${store}; find result/fa2171* result/4dc3f9* -printf '%y %m %P\\n' | sed 's/^\\(.\\) 7[0-7]*/\\1 7/; s/^f 6[0-7]*/f 6/' | sort -u`,
    );
    for (const line of [
      "f 6 env",
      "f 6 log",
      "d 7 rootfs",
      "f 6 rootfs/.obuilder_profile.sh",
      "d 7 rootfs/hello",
      "d 7 rootfs/local/bin",
      "f 6 rootfs/local/readme",
    ])
      expect(tree.split("\n")).toContain(line);
    const rows = lab.sh(
      `sqlite3 -separator ' ' ${store}/state/db/db.sqlite "select substr(id,1,8), rc, substr(parent,1,8), created = used or used > created, length(created) from builds order by rowid"`,
    );
    expect(rows.split("\n").slice(0, 2)).toEqual(["fa2171da 1  1 19", "4dc3f95f 1 fa2171da 1 19"]);
    expect(
      lab.sh(
        `sqlite3 ${store}/state/db/db.sqlite "select name from sqlite_master where name not like 'sqlite_%' order by name"`,
      ),
    ).toBe("builds\nlru\n");
  });

  it("goes on with a store that has nothing of ours in it, every step cached, also without its database", async () => {
    lab.sh(`cd ${lab.store.root}; rm -rf trash state/owner state/bases state/steps state/worktree state/failed`);
    expect((await build()).steps.every(({ isCached }) => isCached)).toBe(true);
    lab.sh(`cd ${lab.store.root}; rm -rf state`);
    expect((await build()).steps.every(({ isCached }) => isCached)).toBe(true);
    expect(lab.sh(`sqlite3 ${lab.store.root}/state/db/db.sqlite "select rc from builds order by rc"`)).toBe(
      "0\n1\n1\n1\n",
    );
  });
});
