import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { CliLab } from "../cli-lab.js";

jest.setTimeout(120_000);

const ROOT = "/var/db/macfoundry/store/mac705";
const RECIPE = "ab".repeat(32);

/** Three steps, the last of which writes a megabyte. */
const spec = (name: string) =>
  `((from empty) (run (shell "echo said")) (run (shell "echo ${name}; head -c 1048576 /dev/urandom > big")))`;

describe("macfoundry store", () => {
  let lab: CliLab;
  const store = (...words: string[]) => lab.run(["store", ...words, "--local"]);
  const json = async <Answer>(...words: string[]): Promise<Answer> => {
    const end = await store(...words, "--json");
    return JSON.parse(end.stdout) as Answer;
  };
  const sql = (text: string) => lab.sh(`sqlite3 ${ROOT}/state/db/db.sqlite "${text}"`).trim();
  const build = async (name: string): Promise<string[]> => {
    lab.file(`/work/${name}.spec`, spec(name));
    const words = ["build", "--local", "-f", `/work/${name}.spec`, "/work/context", "--uid", "705"];
    const end = await lab.run([...words, "--store", `rsync:${ROOT}`]);
    expect(end).toMatchObject({ code: 0, stderr: "" });
    return [...end.stdout.matchAll(/---> (?:saved as|using) "([0-9a-f]{64})"/g)].map(([, id = ""]) => id);
  };
  /** What a published image leaves, without publishing one. */
  const writeReceipt = (ids: string[], treeDigest = "none") =>
    lab.file(
      `/var/db/macfoundry/images/tools/${RECIPE}`,
      `${JSON.stringify({ image: "tools", recipe: RECIPE, path: "/Users/tools@abababababababab", root: ROOT, ids, treeDigest })}\n`,
    );
  let first: string[];
  beforeAll(async () => {
    lab = await CliLab.open();
    lab.sh("mkdir -p /work/context");
    first = await build("first");
  });
  afterAll(() => lab.close());

  it("lists, shows and gives the log, with an id's first digits", async () => {
    const listed = await store("ls");
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout).toMatch(new RegExp(`^${ROOT} \\(mac705\\), 3 results`));
    for (const id of first) expect(listed.stdout).toContain(id);
    expect((await store("log", first[1]!.slice(0, 10))).stdout).toBe("said\n");
    const shown = await json<{ parents: string[]; children: string[] }>("show", first[1]!);
    expect([shown.parents, shown.children]).toEqual([[first[0]], [first[2]]]);
    expect(await store("show", "0".repeat(64))).toMatchObject({ code: 1, stdout: "" });
    expect((await store("show", "xyz")).code).toBe(2);
  });

  it("measures stores and their volume", async () => {
    const { stores } = await json<{ stores: { kib: Record<string, number>; totalKib: number }[] }>("du");
    expect(stores[0]?.kib["result"]).toBeGreaterThan(1024);
    const df = await json<{ stores: { freePercent: number; freeKib: number }[] }>("df");
    const free = Number(lab.sh(`df -Pk ${ROOT} | awk 'NR == 2 { print $4 }'`));
    expect(Math.abs((df.stores[0]?.freeKib ?? 0) - free)).toBeLessThan(2048);
    expect((await store("du")).stdout).toContain("in all");
  });

  it("prunes the least recently used first, spares what a published image needs and says so and what is freed", async () => {
    const second = await build("second");
    writeReceipt(first);
    // What was used in this very second is spared, and a quick machine builds both in one.
    sql("update builds set used = '2022-01-01 00:00:00'");
    sql(`update builds set used = '2020-01-01 00:00:00' where id = '${first[2]}'`);
    sql(`update builds set used = '2021-01-01 00:00:00' where id = '${second[2]}'`);
    const dry = await json<{ stores: { removed: string[]; sparedCount: number }[] }>("prune", "--all", "--dry-run");
    expect(dry.stores[0]).toMatchObject({ removed: [second[2]], sparedCount: 3 });
    expect(lab.sh(`ls ${ROOT}/result | wc -l`).trim()).toBe("4");
    expect((await store("prune", "--older-than", "7300d")).stdout).toContain("Removed 0 items");
    const end = await store("prune", "--older-than", "1d");
    expect(end).toMatchObject({ code: 0 });
    expect(end.stdout).toMatch(new RegExp(`^Removing ${second[2]}\nRemoved 1 items .*freed 1\\.0 MiB`));
    expect(end.stdout).toMatch(/Spared 3 items that published images need/);
    expect(lab.sh(`ls ${ROOT}/result`).trim().split("\n").sort()).toEqual([...first].sort());
    expect(sql(`select rc from builds where id = '${first[1]}'`)).toBe("1");
    expect((await store("prune")).code).toBe(2);
    expect((await store("prune", "--all", "--free", "20")).code).toBe(2);
  });

  it("prunes until a share of the volume is free, and nothing when it is already", async () => {
    await build("third");
    sql("update builds set used = '2020-01-01 00:00:00'");
    expect((await store("prune", "--free", "1")).stdout).toContain("Removed 0 items");
    const end = await store("prune", "--free", "100");
    expect(end.stdout).toContain("Removed 1 items");
    expect(end.stdout).toContain("Still less than 100 % are free");
  });

  it("refuses to delete what a published image needs, unless that is said; then it names the image", async () => {
    const refused = await store("delete", first[1]!);
    expect(refused).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("tools@abababababababab") });
    expect(lab.sh(`ls ${ROOT}/result | wc -l`).trim()).toBe("3");
    const end = await store("delete", first[1]!, "--with-published");
    expect(end.stdout.split("\n").slice(0, 2)).toEqual([`Removing ${first[2]}`, `Removing ${first[1]}`]);
    expect(end.stdout).toMatch(/Removed 2 items .*freed 1\.0 MiB/);
    expect(end.stdout).toContain("Images that needed them: tools@abababababababab");
    expect(await store("delete", "0".repeat(64))).toMatchObject({ code: 0, stdout: "" });
    lab.sh("rm -r /var/db/macfoundry/images");
  });

  it("removes leftovers with gc and says how much, and never a result", async () => {
    lab.sh(`mkdir ${ROOT}/result-tmp/x; head -c 2097152 /dev/zero > ${ROOT}/result-tmp/x/f`);
    const before = lab.sh(`ls ${ROOT}/result`);
    const end = await store("gc");
    expect(end.stdout).toMatch(/^Removed 1 leftovers of .*; freed 2\.0 MiB\n/);
    expect(lab.sh(`ls ${ROOT}/result`)).toBe(before);
    expect(lab.sh(`ls ${ROOT}/result-tmp ${ROOT}/trash`)).not.toContain("x");
  });

  it("finds damage with 1 and mends it; a changed content of unchanged size and time only with --deep", async () => {
    const ids = await build("fourth");
    expect(await store("verify")).toMatchObject({ code: 0, stdout: `${ROOT}: ok\n` });
    sql(`delete from builds where id = '${ids[2]}'`);
    lab.sh(`mkdir ${ROOT}/cache-tmp/7-old`);
    const found = await store("verify");
    expect(found.code).toBe(1);
    expect(found.stdout).toContain(`no row: ${ids[2]}`);
    expect(found.stdout).toContain("leftover: cache-tmp/7-old");
    expect(await store("repair")).toMatchObject({ code: 0, stdout: expect.stringMatching(/mended \d of \d\n$/) });
    expect(sql(`select parent from builds where id = '${ids[2]}'`)).toBe(ids[1]);
    expect((await store("verify")).code).toBe(0);

    writeReceipt(ids, treeDigest(lab, `${ROOT}/result/${ids[2]}/rootfs`));
    expect(await store("verify", "--deep")).toMatchObject({
      code: 0,
      stdout: `${ROOT}: ok; contents of 2 trees read\n`,
    });
    const big = `${ROOT}/result/${ids[2]}/rootfs/big`;
    lab.sh(`touch -r ${big} /work/time; printf x | dd of=${big} conv=notrunc status=none; touch -r /work/time ${big}`);
    expect((await store("verify")).code).toBe(0);
    const deep = await json<{ ok: boolean; stores: { damage: { kind: string; subject: string }[] }[] }>(
      "verify",
      "--deep",
    );
    expect(deep.stores[0]?.damage).toMatchObject([{ kind: "content", subject: ids[2] }]);
    lab.sh("rm -r /var/db/macfoundry/images");
  });

  it("leaves another program's store alone unless that is said", async () => {
    lab.sh(`cp -a ${ROOT} /Volumes-store; rm /Volumes-store/state/owner`);
    const words = ["--store", "rsync:/Volumes-store"];
    expect((await store("ls", ...words)).stdout).toContain("made by another program");
    for (const command of [["gc"], ["repair"], ["prune", "--all"], ["delete", first[0]!]])
      expect(await store(...command, ...words)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("NOT_OWNED"),
      });
    expect((await store("delete", first[0]!, "--foreign", ...words)).code).toBe(0);
    expect(lab.sh("ls /Volumes-store/result")).toBe("");
    expect((await store("ls", "--store", "rsync:/work")).stderr).toContain("there is no store");
  });

  it("changes nothing while a build holds the builder, and says who", async () => {
    const lock = "/var/db/macfoundry/locks/builder-705";
    lab.sh(`printf 'token\\nada@desk\\n%s\\n' "$(cat /proc/sys/kernel/random/boot_id)" > ${lock}`);
    expect(await store("gc")).toMatchObject({ code: 1, stderr: expect.stringContaining("ada@desk") });
    lab.sh(`rm ${lock}`);
  });
});

function treeDigest(lab: CliLab, path: string): string {
  const module = "/opt/macfoundry-clone/dist/builder/store/digest.js";
  const program = `import(${JSON.stringify(module)}).then(({ TREE_PERL }) => process.stdout.write(TREE_PERL))`;
  return lab
    .sh(
      `{ ${process.execPath} -e '${program}'; echo 'print tree_digest($ARGV[0]);'; } >/work/digest.pl; perl /work/digest.pl ${path}`,
    )
    .trim();
}
