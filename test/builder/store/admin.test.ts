import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  collectGarbage,
  deleteResult,
  listResults,
  measureStore,
  pruneResults,
  repairStore,
  showLog,
  verifyStore,
} from "../../../builder/store/admin.js";
import type { Host } from "../../../host/host.js";
import { Lab } from "../build/lab.js";

const SPEC = `((from empty) (run (shell "echo said; echo a > a")) (run (shell "echo b > b")))`;

describe("looking after a store", () => {
  let lab: Lab;
  let host: Host;
  let ids: string[];
  let root: string;
  const sql = (text: string) => lab.sh(`sqlite3 ${root}/state/db/db.sqlite "${text}"`);
  beforeAll(async () => {
    lab = await Lab.open();
    root = lab.store.root;
    ids = (await lab.build(SPEC)).steps.map(({ id }) => id);
    host = lab.host().host;
  });
  afterAll(() => lab.close());

  it("lists results with their parents, sizes and times, and shows a log", async () => {
    const results = await listResults(host, root);
    expect(results.map(({ id, parent, rc, isWhole }) => [id, parent, rc, isWhole])).toEqual([
      [ids[0], undefined, 1, true],
      [ids[1], ids[0], 1, true],
      [ids[2], ids[1], 0, true],
    ]);
    expect(results[2]?.kib).toBeGreaterThan(0);
    expect(results[2]?.used).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    let log = "";
    await showLog(host, root, ids[1] ?? "", (chunk) => (log += chunk.toString()));
    expect(log).toBe("said\n");
    await expect(showLog(host, root, "0".repeat(64), () => undefined)).rejects.toMatchObject({ code: "STORE_CORRUPT" });
    expect((await measureStore(host, root)).storeKib).toBeGreaterThan(0);
  });

  it("finds nothing wrong with a store as builds leave it", async () => {
    expect(await verifyStore(host, root)).toEqual([]);
  });

  it.each([
    [
      "no row",
      2,
      () => sql(`delete from builds where id = '${ids[2]}'; update builds set rc = 0 where id = '${ids[1]}'`),
    ],
    ["wrong count", 0, () => sql(`update builds set rc = 5 where id = '${ids[0]}'`)],
    ["altered", 2, () => lab.sh(`echo more >> ${root}/result/${ids[2]}/rootfs/b`)],
    ["no tree", 2, () => lab.sh(`rm -r ${root}/result/${ids[2]}/rootfs`)],
    ["no result", 2, () => lab.sh(`rm -r ${root}/result/${ids[2]}`)],
    ["leftover", undefined, () => lab.sh(`mkdir ${root}/result-tmp/x`)],
  ] as const)("finds and mends: %s", async (kind, step, damage) => {
    damage();
    const found = await verifyStore(host, root);
    expect(found.map((one) => [one.kind, one.subject])).toEqual([
      [kind, step === undefined ? "result-tmp/x" : ids[step]],
    ]);
    expect(await repairStore(host, root)).toEqual(found);
    expect(await verifyStore(host, root)).toEqual([]);
    const rebuilt = await lab.build(SPEC);
    expect(rebuilt.steps.map(({ isCached }) => isCached).slice(0, 2)).toEqual([true, true]);
    expect(sql("select rc from builds order by rc")).toBe("0\n1\n1\n");
    host = lab.host().host;
  });

  it("prunes what was not used since, from the ends of the chains, and never what was used in that second", async () => {
    expect(await pruneResults(host, root, sql("select max(used) from builds").trim(), 10)).toEqual([]);
    sql("update builds set used = '2020-01-01 00:00:00'");
    expect(await pruneResults(host, root, "2021-01-01 00:00:00", 2)).toEqual([ids[2], ids[1]]);
    expect((await listResults(host, root)).map(({ id, rc }) => [id, rc])).toEqual([[ids[0], 0]]);
  });

  it("deletes with what was built on it, children first, and takes an unknown id as nothing to do", async () => {
    await lab.build(SPEC);
    host = lab.host().host;
    expect(await deleteResult(host, root, ids[1] ?? "")).toEqual([ids[2], ids[1]]);
    expect(await deleteResult(host, root, "0".repeat(64))).toEqual([]);
    expect(sql("select rc from builds")).toBe("0\n");
    await collectGarbage(host, root);
    expect(await verifyStore(host, root)).toEqual([]);
  });

  it("empties the trash by itself, also where chflags and chmod -N fail", async () => {
    let left = "?";
    for (let i = 0; i < 100 && left !== ""; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      left = lab.sh(`ls -A ${root}/trash`);
    }
    expect(left).toBe("");
  });

  it("refuses to change a store whose builder is building", async () => {
    lab.sh(
      `mkdir -p /var/db/macfoundry/locks; printf 'token\\nsomebody@somewhere\\n%s\\n' "$(cat /proc/sys/kernel/random/boot_id)" > /var/db/macfoundry/locks/builder-705`,
    );
    await expect(deleteResult(host, root, ids[0] ?? "")).rejects.toThrow(/STORE_BUSY.*somebody@somewhere/s);
    expect(await listResults(host, root)).toHaveLength(1);
  });
});
