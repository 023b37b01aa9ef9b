import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { StoreConfig } from "../../../builder/build/build.js";
import { verifyStore } from "../../../builder/store/admin.js";
import { Lab } from "../build/lab.js";

/** One contract for every engine, on a volume that can clone. What only some keep is named in `keeps`. */
const ENGINES: { store: Partial<StoreConfig>; name: string; keepsXattrs: boolean }[] = [
  { name: "rsync copy", store: { engine: "rsync", mode: "copy" }, keepsXattrs: false },
  { name: "rsync hardlink", store: { engine: "rsync", mode: "hardlink" }, keepsXattrs: false },
  { name: "rsync hardlink_unsafe", store: { engine: "rsync", mode: "hardlink_unsafe" }, keepsXattrs: false },
  { name: "clone", store: { engine: "clone", mode: undefined }, keepsXattrs: true },
];

const NAME_255 = "n".repeat(255);
const MAKE = `mkdir -p d/e /opt/homebrew/bin; echo text > d/file; ln d/file d/hard; ln d/file other; ln -s nowhere d/dangling;
  chmod 4755 d/file; chmod 1777 d/e; echo x > ${NAME_255}; truncate -s 50000000 sparse; mkfifo d/fifo; touch -d 2001-02-03 d/old; echo tool > /opt/homebrew/bin/tool; echo odd > 'd/a b;c'`;
const SPEC = `((from empty)
  (run (shell "${MAKE}"))
  (run (shell "echo changed > d/e/new; rm other; echo more >> /opt/homebrew/bin/tool")))`;

describe.each(ENGINES)("engine $name", ({ store, keepsXattrs }) => {
  let lab: Lab;
  let ids: string[];
  const rootfs = (step: number) => `${lab.store.root}/result/${ids[step]}/rootfs`;
  beforeAll(async () => {
    lab = await Lab.open({ store, volume: "xfs", sizeMb: 1024 });
    ids = (await lab.build(SPEC)).steps.map(({ id }) => id);
  }, 120_000);
  afterAll(() => lab.close());

  it("keeps hard links, setuid, sticky folders, long and odd names, dangling links, fifos and times", () => {
    const said = lab.sh(
      `cd ${rootfs(1)}; stat -c '%a %F' d/file d/e; readlink d/dangling; stat -c %F d/fifo; cat ${NAME_255} 'd/a b;c'; stat -c %y d/old | cut -c 1-10; [ d/file -ef d/hard ] && [ d/file -ef other ] && echo same; cat local/bin/tool`,
    );
    expect(said).toBe("4755 regular file\n1777 directory\nnowhere\nfifo\nx\nodd\n2001-02-03\nsame\ntool\n");
  });

  it("has each step's own tree", () => {
    expect(
      lab.sh(`cd ${rootfs(2)}; ls other 2>/dev/null; cat d/e/new local/bin/tool; [ d/file -ef d/hard ] && echo same`),
    ).toBe("changed\ntool\nmore\nsame\n");
    expect(lab.sh(`ls ${rootfs(1)}/d/e; cat ${rootfs(1)}/local/bin/tool`)).toBe("tool\n");
  });

  it("restores an earlier step whatever the trees hold, and shares nothing that can be edited in place", async () => {
    lab.sh(
      "rm -rf /Users/mac705/d; echo junk > /Users/mac705/junk; echo same > /opt/homebrew/bin/tool; echo edited > /Users/mac705/sparse",
    );
    await lab.build(SPEC);
    expect(
      lab.sh(
        `cd /Users/mac705; ls junk 2>/dev/null; cat /opt/homebrew/bin/tool; stat -c '%a %h' d/file; stat -c '%s' sparse; readlink local; stat -c '%a %U' .`,
      ),
    ).toBe("tool\nmore\n4755 2\n50000000\n/opt/homebrew\n700 mac705\n");
    lab.sh("echo edited in place >> /Users/mac705/d/file; echo edited >> /opt/homebrew/bin/tool");
    expect(lab.sh(`cat ${rootfs(2)}/d/file ${rootfs(1)}/d/file ${rootfs(2)}/local/bin/tool`)).toBe(
      "text\ntext\ntool\nmore\n",
    );
    expect(await verifyStore(lab.host().host, lab.store.root)).toEqual([]);
  });

  it("says whether it keeps extended attributes", async () => {
    const text = `((from empty) (run (shell "echo a > a; setfattr -n user.note -v kept a 2>/dev/null || perl -e 'require qq(syscall.ph)' 2>/dev/null; true")))`;
    const result = await lab.build(text);
    const kept = lab.sh(
      `getfattr --only-values -n user.note ${lab.store.root}/result/${result.id}/rootfs/a 2>/dev/null || echo none`,
    );
    expect(lab.sh("command -v setfattr || echo none") === "none\n" ? "not tried" : kept).toBe(
      lab.sh("command -v setfattr || echo none") === "none\n" ? "not tried" : keepsXattrs ? "kept" : "none\n",
    );
  });
});

describe("an engine that the volume cannot do", () => {
  it("is refused with the reason, before anything is built", async () => {
    const lab = await Lab.open({ store: { engine: "clone", mode: undefined } });
    try {
      await expect(lab.build(SPEC)).rejects.toThrow(/CONFIG_INVALID.*cannot clone files/s);
      expect(lab.sh(`ls ${lab.store.root}/result`)).toBe("");
    } finally {
      await lab.close();
    }
  });
});
