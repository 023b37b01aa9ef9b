import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Lab, newSecret } from "./lab.js";

const SLOW = `((from empty)
  (run (shell "echo start; sleep 3; date +%s%N > stamp; echo end"))
  (run (shell "cat stamp > copy")))`;

/** Resolves when the build has said so much. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("an interrupted build", () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab.close());

  /** A controller that is gone in the middle of a step, as after kill -9: nothing of it reaches the Mac any more. */
  async function abandon(text: string, said: string): Promise<void> {
    const { host, transport } = lab.host();
    const controller = new AbortController();
    const build = lab.build(text, { host }, controller.signal).catch(() => undefined);
    await until(() => lab.output.includes(said));
    transport.cut(3_600_000);
    controller.abort();
    await build;
  }

  function nothingIsLeft(): void {
    expect(lab.sh(`ls -A ${lab.store.root}/result-tmp ${lab.store.root}/cache-tmp`)).not.toMatch(/[0-9a-f]{64}/);
    expect(lab.sh("ps -axo uid=,state=,args= | awk '$1 == 705 && $2 !~ /^Z/' || :")).toBe("");
  }

  it("goes on when its controller is gone: the next one attaches, and the step runs once", async () => {
    const text = SLOW.replace("sleep 3", "sleep 14");
    await abandon(text, "start");
    const result = await lab.build(text);
    expect(result.steps.map(({ isCached }) => isCached)).toEqual([true, false, false]);
    expect(lab.output).toContain("start\nend\n");
    expect(lab.lines.join("\n")).toMatch(/started by an earlier run/);
    expect(lab.sh("cat /Users/mac705/stamp")).toBe(lab.sh("cat /Users/mac705/copy"));
    nothingIsLeft();
  }, 60_000);

  it("has its result saved even if nobody is there at the end", async () => {
    const text = SLOW.replace("start", "start2");
    await abandon(text, "start2");
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const result = await lab.build(text);
    expect(result.steps.map(({ isCached }) => isCached)).toEqual([true, true, false]);
  }, 60_000);

  it("resumes over a connection that is cut in the middle of a step", async () => {
    const text = SLOW.replace("start", "start3");
    const { host, transport } = lab.host();
    const running = lab.build(text, { host });
    await until(() => lab.output.includes("start3"));
    transport.cut(800);
    await running;
    expect(lab.output).toBe("start3\nend\n");
  }, 60_000);

  it("is cancelled with every process, and nothing half-made stays", async () => {
    const controller = new AbortController();
    const text = `((from empty) (run (shell "echo start4; (sleep 100 &); perl -MPOSIX -e 'exit if fork; setsid; sleep 100'; sleep 100")))`;
    const running = lab.build(text, {}, controller.signal);
    await until(() => lab.output.includes("start4"));
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    nothingIsLeft();
    expect(lab.sh("ls /var/db/macfoundry/jobs /var/db/macfoundry/locks")).not.toMatch(/step|builder-/);
  }, 60_000);

  it("reaps what a step leaves behind, before its result is kept", async () => {
    await lab.build(
      `((from empty) (run (shell "perl -MPOSIX -e 'exit if fork; setsid; exit if fork; while (1) { sleep 1; open F, q(>>), q(/Users/mac705/grows) }'; echo left")))`,
    );
    nothingIsLeft();
  });

  it("ends with the step's own lines and status, keeps its output, and runs it again the next time", async () => {
    const text = `((from empty) (run (shell "echo before; [ -e /var/tmp/mended ] || { echo broken >&2; exit 7; }")))`;
    const failing = lab.build(text);
    await expect(failing).rejects.toMatchObject({ code: "STEP_FAILED" });
    await expect(failing).rejects.toThrow(
      /"\/usr\/bin\/env" "bash" "-c" ".*" failed with exit status 7; its last lines:\nbefore\nbroken/s,
    );
    expect(lab.sh(`cat ${lab.store.root}/state/failed/*`)).toContain("broken");
    lab.sh("touch /var/tmp/mended");
    await lab.build(text);
    nothingIsLeft();
  });

  it("keeps secrets out of arguments, logs, the store and its database", async () => {
    const secret = newSecret();
    const text = `((from empty)
      (run (secrets (token (target /run/secrets/token)) (other (target /run/secrets/other)))
           (shell "ls -l ~/run/secrets | cut -c 1-10; wc -c < ~/run/secrets/token; cmp ~/run/secrets/token $OBUILDER_SECRETS_DIR/token; ps -axww -o args= > ~/all; cat /proc/[0-9]*/environ >> ~/all 2>/dev/null; grep -c -F -f ~/run/secrets/token ~/all; true")))`;
    const result = await lab.build(text, {
      secrets: new Map([
        ["token", Buffer.from(secret)],
        ["other", Buffer.from("x")],
      ]),
    });
    expect(lab.output).toBe(`total 8\n-r--------\n-r--------\n${secret.length}\n0\n`);
    expect(lab.sh("wc -l < /Users/mac705/all").trim()).not.toBe("0");
    expect(lab.sh(`ls -A ${lab.store.root}/result/${result.id}/rootfs/run/secrets`)).toBe("");
    expect(lab.sh(`grep -rl ${secret.slice(0, 30)} /var/db /Users /opt /tmp || echo none`)).toBe("none\n");
    expect(lab.lines.join()).not.toContain(secret);
  });

  it("refuses a base that is another one now, by building anew what stood on it", async () => {
    lab.sh("mkdir -p /Users/base@1 /Users/base@2; echo 1 > /Users/base@1/v; echo 2 > /Users/base@2/v");
    const text = `((from base) (run (shell "cat v > w")))`;
    await lab.build(text, { resolveBase: () => ({ path: "/Users/base@1", digest: "one" }) });
    const again = await lab.build(text, { resolveBase: () => ({ path: "/Users/base@2", digest: "two" }) });
    expect(again.steps.map(({ isCached }) => isCached)).toEqual([false, false]);
    expect(lab.sh("cat /Users/mac705/w")).toBe("2\n");
    expect(lab.lines.join()).toMatch(/base base has changed \(one is now two\)/);
    const third = await lab.build(text, { resolveBase: () => ({ path: "/Users/base@2", digest: "two" }) });
    expect(third.steps.every(({ isCached }) => isCached)).toBe(true);
  });

  it("lets two builds of one builder run one after the other, and the second finds the first one's steps", async () => {
    const text = `((from empty) (run (shell "sleep 0.5; echo twice > t")))`;
    const { host } = lab.host();
    const results = await Promise.all([lab.build(text, { host }), lab.build(text, { host })]);
    expect(results.map(({ steps }) => steps[1]?.isCached)).toEqual([false, true]);
  });
});

describe("a build on a full disk", () => {
  it("says STORE_FULL and goes on when there is room again", async () => {
    const lab = await Lab.open({ sizeMb: 64 });
    try {
      const text = `((from empty) (run (shell "echo small > a")) (run (shell "head -c 20000000 /dev/zero > b")))`;
      lab.sh("head -c 25000000 /dev/zero > /var/tmp/ballast");
      await expect(lab.build(text)).rejects.toMatchObject({ code: "STORE_FULL" });
      lab.sh("rm /var/tmp/ballast");
      const result = await lab.build(text);
      expect(result.steps.map(({ isCached }) => isCached)).toEqual([true, true, false]);
      expect(lab.sh(`stat -c %s ${lab.store.root}/result/${result.id}/rootfs/b`)).toBe("20000000\n");
    } finally {
      await lab.close();
    }
  }, 60_000);
});
