import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Lab } from "./lab.js";

describe("copies, caches and nested builds", () => {
  let lab: Lab;
  let context: string;
  beforeAll(async () => {
    lab = await Lab.open();
    context = mkdtempSync(join(tmpdir(), "mf-context-"));
    mkdirSync(join(context, "tree/sub"), { recursive: true });
    writeFileSync(join(context, "hello.txt"), "hello\n");
    writeFileSync(join(context, "script.sh"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
    writeFileSync(join(context, "tree/sub/x"), "x\n");
    writeFileSync(join(context, "tree/skipped"), "no\n");
    writeFileSync(join(context, `tree/${"long".repeat(40)}`), "long name\n");
    symlinkSync("hello.txt", join(context, "link"));
    symlinkSync("nowhere/".repeat(20), join(context, "tree/dangling"));
  });
  afterAll(async () => {
    rmSync(context, { recursive: true });
    await lab.close();
  });

  it("copies files, links and folders of the context below the home, and through ~/local into the prefix", async () => {
    const text = `((from empty) (workdir /work)
      (copy (src hello.txt script.sh tree link) (dst ./in/) (exclude skipped))
      (copy (src script.sh) (dst /local/bin/tool))
      (run (shell "/opt/homebrew/bin/tool; cat in/link; ls in/tree | wc -l; readlink in/tree/dangling | wc -c; stat -c '%a %U %Y' in/script.sh | cut -d' ' -f1,2")))`;
    await lab.build(text, { contextDir: context });
    expect(lab.output).toBe("ran\nhello\n3\n161\n755 mac705\n".replace("\n755", "\n755"));
    const again = await lab.build(text, { contextDir: context });
    expect(again.steps.every(({ isCached }) => isCached)).toBe(true);
  });

  it("never writes through a link at the end of a destination", async () => {
    lab.sh("echo safe > /tmp/precious; chmod 666 /tmp/precious");
    await lab.build(`((from empty) (run (shell "ln -s /tmp/precious target")) (copy (src hello.txt) (dst /target)))`, {
      contextDir: context,
    });
    expect(lab.sh("cat /tmp/precious; stat -c %F /Users/mac705/target")).toBe("safe\nregular file\n");
  });

  it("says what a copy refuses, before anything is stored", async () => {
    await expect(
      lab.build(`((from empty) (copy (src missing) (dst /x)))`, { contextDir: context }),
    ).rejects.toMatchObject({ code: "SPEC_INVALID" });
    await expect(
      lab.build(`((from empty) (copy (src hello.txt) (dst /../x)))`, { contextDir: context }),
    ).rejects.toMatchObject({ code: "STEP_FAILED" });
    expect(lab.sh(`ls ${lab.store.root}/result-tmp`)).toBe("");
  });

  it("copies out of a nested build, whose trees are not mixed with the outer build's", async () => {
    const text = `((build tool ((from empty) (run (shell "mkdir -p out/d; echo '#!/bin/sh' > out/tool; echo 'echo tool ran' >> out/tool; chmod 700 out/tool; ln -s tool out/t; echo deep > out/d/e; echo left > /opt/homebrew/left"))))
      (from empty)
      (copy (from (build tool)) (src out/tool out/t out/d) (dst /bin/))
      (copy (from (build tool)) (src local/left) (dst /local/right))
      (run (shell "bin/tool; bin/t; cat bin/d/e; ls; cat /opt/homebrew/right; ls /opt/homebrew")))`;
    const result = await lab.build(text);
    expect(lab.output).toBe("tool ran\ntool ran\ndeep\nbin\nlocal\nleft\nright\n");
    expect(result.steps).toHaveLength(6);
    const again = await lab.build(text);
    expect(again.steps.every(({ isCached }) => isCached)).toBe(true);
  });

  it("keeps a cache between steps and builds, and out of the results", async () => {
    const step = (word: string) =>
      `(run (cache (a/1 (target /Users/mac705/.cache/x))) (shell "echo ${word} >> .cache/x/list; cat .cache/x/list"))`;
    const result = await lab.build(`((from empty) ${step("one")} ${step("two")})`);
    expect(lab.output).toBe("one\none\ntwo\n");
    expect(
      lab.sh(
        `ls ${lab.store.root}/cache; ls -A ${lab.store.root}/result/${result.id}/rootfs/.cache/x ${lab.store.root}/cache-tmp`,
      ),
    ).not.toMatch(/list/);
    expect(lab.sh(`ls ${lab.store.root}/cache`)).toBe("a%2f1\n");
    await expect(lab.build(`((from empty) (run (cache (c (target /var/cache))) (shell true)))`)).rejects.toThrow(
      /\/Users\/mac705\/…/,
    );
  });

  it("refuses a cache whose place leads out of the builder's trees", async () => {
    const text = `((from empty) (run (shell "ln -s /Users/Shared out")) (run (cache (c (target /Users/mac705/out/x))) (shell true)))`;
    await expect(lab.build(text)).rejects.toThrow(/leads to .*Shared, out of the builder's home and prefix/);
  });

  it("takes spec text and arguments that are not UTF-8", async () => {
    await lab.build(`((from empty) (run (shell "printf '%s' '\\255\\001' | od -An -tx1")))`);
    expect(lab.output).toBe(" ff 01\n");
  });
});

describe("the hardlink modes", () => {
  it.each(["hardlink", "hardlink_unsafe"] as const)(
    "share unchanged files with the parent in %s mode, never with the builder",
    async (mode) => {
      const lab = await Lab.open({ store: { mode } });
      try {
        const result = await lab.build(
          `((from empty) (run (shell "echo a > a; echo b > b")) (run (shell "sleep 1; echo c > b")))`,
        );
        const links = (index: number, file: string) =>
          lab.sh(`stat -c %h ${lab.store.root}/result/${result.steps[index]?.id}/rootfs/${file}`).trim();
        expect([links(2, "a"), links(2, "b")]).toEqual(["2", "1"]);
        expect(lab.sh(`stat -c %h /Users/mac705/a ${lab.store.root}/result/${result.id}/env`)).toBe("1\n3\n");
        lab.sh("echo changed in place > /Users/mac705/a");
        await lab.build(`((from empty) (run (shell "echo a > a; echo b > b")) (run (shell "sleep 1; echo c > b")))`);
        expect(lab.sh("cat /Users/mac705/a")).toBe("a\n");
        expect(lab.sh("stat -c %h /Users/mac705/a")).toBe("1\n");
      } finally {
        await lab.close();
      }
    },
  );
});
