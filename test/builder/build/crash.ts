import { describe, expect, it } from "@jest/globals";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreConfig } from "../../../builder/build/build.js";
import { TREE_PERL } from "../../../builder/store/digest.js";
import { Lab } from "./lab.js";

/** Four steps that use all a step can have, on a tree of 200 files. */
const SPEC = `((from empty)
  (run (shell "mkdir -p d /opt/homebrew/lib; for i in $(seq 1 100); do echo $i > d/$i; echo $i > /opt/homebrew/lib/$i; done; ln d/1 hard; ln -s d/2 soft; chmod 4755 d/3"))
  (copy (src file) (dst /in/))
  (run (cache (c (target /Users/mac705/cache))) (secrets (s (target /secret))) (shell "echo once >> cache/log; cat secret in/file > sum; rm d/4; echo changed > d/5"))
  (run (shell "echo new > d/6; rm -r /opt/homebrew/lib/7; echo end > last")))`;

const CRASH = "/var/tmp/crash";

export interface Case {
  name: string;
  store: Partial<StoreConfig>;
  volume: "tmpfs" | "xfs";
  /** Which jobs of the build (base, three steps with a copy between, restore); all without it. */
  jobs?: number[];
}

export const ENGINES: Case[] = [
  { name: "rsync copy", store: { engine: "rsync", mode: "copy" }, volume: "tmpfs" },
  { name: "rsync hardlink", store: { engine: "rsync", mode: "hardlink" }, volume: "tmpfs" },
  { name: "clone", store: { engine: "clone", mode: undefined }, volume: "xfs" },
];

/** Kills everything before each command of a build, one after the other, and builds again each time. */
export function describeCrashes(cases: readonly Case[]): void {
  describe("a Mac that dies between any two commands of a build", () => {
    it.each(cases)(
      "has whole results only, and the next build gives the same trees ($name)",
      async ({ store, jobs: tried, volume }) => {
        const context = mkdtempSync(join(tmpdir(), "mf-crash-"));
        writeFileSync(join(context, "file"), "from the context\n");
        const more = { contextDir: context, secrets: new Map([["s", Buffer.from("value\n")]]), crashDir: CRASH };
        const lab = await Lab.open({ store, volume });
        try {
          lab.sh(`mkdir ${CRASH}`);
          const whole = await lab.build(SPEC, more);
          const ids = whole.steps.map(({ id }) => id);
          await lab.build(SPEC, more);
          const digests = (paths: readonly string[]) =>
            lab.perl(`${TREE_PERL} print "$_ ", tree_digest($_), "\\n" for @ARGV;`, paths).trim().split("\n");
          const results = () => lab.sh(`ls -d ${lab.store.root}/result/*`).trim().split("\n");
          const trees = () => digests([...results(), "/Users/mac705", "/opt/homebrew"]);
          const wanted = trees();
          const jobs = splitByJob(lab.sh(`cat ${CRASH}/record`).trim().split("\n"));
          // Base, three runs, a copy, and the restore of a build that has all of it.
          expect(jobs).toHaveLength(6);

          for (const [job, points] of jobs.entries()) {
            if (tried !== undefined && !tried.includes(job)) continue;
            for (const [index, point] of points.entries()) {
              const place = `job ${job + 1}, before "${point}"`;
              const victim = ids[job];
              if (victim !== undefined) lab.sh(`rm -rf ${lab.store.root}/result/${victim}`);
              lab.sh(`: > ${CRASH}/record; echo ${index + 1} > ${CRASH}/kill`);
              const { host, transport } = lab.host();
              const controller = new AbortController();
              const dying = lab.build(SPEC, { ...more, host }, controller.signal).catch(() => undefined);
              const deadline = Date.now() + 60_000;
              while (existsSync(lab.root.outside(`${CRASH}/kill`))) {
                if (Date.now() > deadline) throw new Error(`never came to ${place}`);
                await new Promise((resolve) => setTimeout(resolve, 5));
              }
              // The Mac is gone for this controller: it cannot clean up. Its lock dies with the boot.
              transport.cut(3_600_000);
              controller.abort();
              await dying;
              lab.sh("rm -f /var/db/macfoundry/locks/*");
              const broken = digests(results()).filter((line) => !wanted.includes(line));
              if (broken.length > 0) throw new Error(`after a death in ${place}, not whole: ${broken.join()}`);
              await lab.build(SPEC, more);
              if (trees().join() !== wanted.join()) throw new Error(`after a death in ${place}, the trees differ`);
              expect(lab.sh(`find ${lab.store.root}/result-tmp ${lab.store.root}/cache-tmp -mindepth 1`)).toBe("");
              const rows = lab.sh(
                `sqlite3 ${lab.store.root}/state/db/db.sqlite "select count(*), sum(rc), sum(rc <> (select count(*) from builds c where c.parent = b.id)) from builds b"`,
              );
              expect([place, rows]).toEqual([place, "5|4|0\n"]);
            }
          }
        } finally {
          rmSync(context, { recursive: true });
          await lab.close();
        }
      },
      600_000,
    );
  });
}

function splitByJob(record: readonly string[]): string[][] {
  const jobs: string[][] = [];
  for (const point of record) {
    if (["base folder", "check parent", "check result"].includes(point)) jobs.push([]);
    jobs[jobs.length - 1]?.push(point);
  }
  return jobs;
}
