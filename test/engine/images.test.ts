import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "../mac/fixture.js";
import {
  compareListings,
  describeHosts,
  killRuns,
  listRunProcesses,
  makeFleet,
  type Config,
  type Fleet,
} from "./fleet.js";
import { waitFor } from "./scratch-project.js";

const TIMEOUT_MS = 240_000;
const STORE = "/var/db/macfoundry/store/mac705";

/** A spec of run steps, as an operator writes it. */
function spec(from: string, ...steps: string[]): string {
  const runs = steps.map((step) => `\n (run (shell ${JSON.stringify(step)}))`);
  return `((from ${from})\n (shell /bin/bash -e -c)${runs.join("")})\n`;
}

describe("images on a Mac, through the real engine", () => {
  let mac: SimMac;
  let fleet: Fleet;
  let config: Config;

  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac(), makeFleet()]);
    config = {
      "macfoundry:hosts": describeHosts({ mac1: mac }),
      "fleet:expect": { arch: "x86_64", macos: "14" },
      "fleet:builders": [{ name: "mac705", uid: 705 }],
      "fleet:store": { engine: "rsync", mode: "copy", path: "/var/db/macfoundry/store" },
      "fleet:images": {
        base: { builder: "mac705", spec: "./base.spec", keep: 2, test: "test -e one && tool" },
        top: { builder: "mac705", spec: "./top.spec", from: { base: "base" }, test: "cat two; tool" },
      },
    };
    write(
      "base",
      spec(
        "empty",
        "echo 1 >one",
        "mkdir -p /usr/local/bin; printf '#!/bin/sh\\necho tool says hello\\n' >/usr/local/bin/tool; chmod +x /usr/local/bin/tool; echo 'export PATH=/usr/local/bin:$PATH' >.obuilder_profile.sh",
      ),
    );
    write("top", spec("base", "tool >two"));
    fleet.configure(config);
  }, 300_000);
  afterAll(async () => {
    fleet.remove();
    await mac.stop();
  });

  function write(name: string, text: string): void {
    fs.writeFileSync(path.join(path.dirname(fleet.stackFile), `${name}.spec`), text);
  }

  /** Waits until `sign` succeeds on the Mac. */
  async function waitForStep(sign: string): Promise<void> {
    const deadline = Date.now() + 90_000;
    while ((await mac.exec(sign)).code !== 0) if (Date.now() > deadline) throw new Error(`waited in vain for: ${sign}`);
  }

  const readAlias = async (name: string): Promise<string> => (await mac.run(`readlink /Users/${name}`)).trim();
  const listRuns = async (): Promise<string> => mac.run(`ls ${STORE}/result ${STORE}/result-tmp`);
  const hasProvider = (): boolean =>
    listRunProcesses(fleet).some(({ command }) => command.includes("provider/bin/start.mjs"));

  it(
    "refuses a prefix that holds something of others, and says what to do",
    async () => {
      await mac.run("mkdir -p /usr/local/bin; echo '#!/bin/sh' >/usr/local/bin/theirs");
      const run = await fleet.up();
      expect(run.code).not.toBe(0);
      expect(run.text).toMatch(/NOT_OWNED on mac1: .*\n.*Next: /);
      expect(await mac.run("ls /usr/local/bin")).toBe("theirs\n");
      await mac.run("rm -rf /usr/local/bin");
    },
    TIMEOUT_MS,
  );

  it(
    "are built, tested, published beside each other and activated",
    async () => {
      const run = await fleet.up();
      expect(run).toMatchObject({ code: 0 });
      expect(run.text).toContain("tool says hello");
      for (const name of ["base", "top"])
        expect(await readAlias(name)).toMatch(new RegExp(`^/Users/${name}@[0-9a-f]{16}$`));
      expect(await mac.run("cat /Users/top/one /Users/top/two; ls -l /Users/top/local/bin/tool | cut -c1-10")).toBe(
        "1\ntool says hello\n-rwxr-xr-x\n",
      );
      expect(await mac.run("stat -f %Su:%Sg /Users/top/two")).toBe("mac705:staff\n");
    },
    TIMEOUT_MS,
  );

  it(
    "converging again changes nothing on the Mac",
    async () => {
      const before = await mac.listing();
      const run = await fleet.up();
      expect(run.code).toBe(0);
      expect(run.text).not.toMatch(/updating|creating|replacing/);
      expect(compareListings(before, await mac.listing())).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "damage is drift: a lost result, a lost publication, a re-pointed link; all is mended from the cache",
    async () => {
      const published = await readAlias("top");
      await mac.run(`rm -rf ${published}; ln -sfh /tmp /Users/base`);
      const preview = await fleet.preview();
      expect(preview.code).toBe(7);
      expect(preview.text).toMatch(/published\s*: "missing" => "whole"/);
      expect(preview.text).toMatch(/base\s*: "a link to \/tmp" => "[0-9a-f]{64}"/);
      const run = await fleet.up();
      expect(run.code).toBe(0);
      expect(run.text).toMatch(/2 steps, all cached/);
      expect(await readAlias("top")).toBe(published);
      expect(await mac.run("cat /Users/top/two")).toBe("tool says hello\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "kill -9 of everything here in the middle of a step: the step goes on, the next up attaches, nothing runs twice",
    async () => {
      write("top", spec("base", "tool >two", 'echo "$$ $(date +%s)" >started; sleep 6; echo done >three'));
      const run = fleet.start(["up", "--skip-preview"]);
      await waitForStep("cat /Users/mac705/started");
      const started = await mac.run("cat /Users/mac705/started");
      expect(listRunProcesses(fleet).length).toBeGreaterThanOrEqual(4);
      killRuns(fleet);
      await run.done;
      expect((await mac.exec("pgrep -U 705 sleep")).code).toBe(0);
      const next = await fleet.up();
      expect(next).toMatchObject({ code: 0 });
      expect(await mac.run("cat /Users/top/started")).toBe(started);
      expect(await mac.run("cat /Users/top/three")).toBe("done\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "a connection cut in the middle of a step: the same run reconnects and finishes",
    async () => {
      write("top", spec("base", 'echo "$$ $(date +%s)" >begun; sleep 5; echo done >four'));
      const run = fleet.start(["up", "--skip-preview"]);
      await waitForStep("cat /Users/mac705/begun");
      const begun = await mac.run("cat /Users/mac705/begun");
      await mac.fault("cut-connection");
      const end = await run.done;
      expect(end).toMatchObject({ code: 0 });
      expect(end.text).toContain("connection lost");
      expect(await mac.run("cat /Users/top/begun")).toBe(begun);
      await mac.clearFault("all");
    },
    TIMEOUT_MS,
  );

  it(
    "Ctrl-C: the step's processes are gone, and nothing half-made is in the store",
    async () => {
      const before = await listRuns();
      write("top", spec("base", "echo 1 >ctrl; sleep 60"));
      const run = fleet.start(["up", "--skip-preview"]);
      await waitForStep("pgrep -U 705 sleep");
      run.child.kill("SIGINT");
      const end = await run.done;
      expect(end.text).toContain("CANCELLED");
      await waitFor("the providers to end", () => !hasProvider(), 20_000);
      expect((await mac.exec("pgrep -U 705")).code).toBe(1);
      expect(await listRuns()).toBe(before);
    },
    TIMEOUT_MS,
  );

  it(
    "a failing step and a refused write say why, with the step's last words; what was active stays",
    async () => {
      const active = await readAlias("top");
      write("top", spec("base", "echo some words; exit 3"));
      const failed = await fleet.up();
      expect(failed.text).toMatch(/STEP_FAILED on mac1: .*exit status 3.*\n.*some words/);
      write("top", spec("base", "echo x >/Users/Shared/x"));
      const refused = await fleet.up();
      expect(refused.text).toMatch(/STEP_FAILED on mac1/);
      expect(refused.text).toContain("/Users/mac705");
      expect(refused.text).toMatch(/sandbox/i);
      expect((await mac.exec("ls /Users/Shared/x")).code).not.toBe(0);
      expect(await readAlias("top")).toBe(active);
    },
    TIMEOUT_MS,
  );

  it(
    "an image whose test fails is not activated",
    async () => {
      const active = await readAlias("base");
      write("base", spec("empty", "echo 2 >one"));
      write("top", spec("base", "cp one two"));
      const run = await fleet.up();
      expect(run.code).not.toBe(0);
      expect(run.text).toContain("IMAGE_TEST_FAILED: image base");
      expect(await readAlias("base")).toBe(active);
    },
    TIMEOUT_MS,
  );

  it(
    "an older spec is a rollback: nothing is built, the link goes back",
    async () => {
      const images = config["fleet:images"] as Record<string, Record<string, unknown>>;
      fleet.configure({ ...config, "fleet:images": { base: { ...images["base"], test: "cat one" } } });
      const forward = await fleet.up();
      expect(forward).toMatchObject({ code: 0 });
      const second = await readAlias("base");
      write("base", spec("empty", "echo 3 >one"));
      expect(await fleet.up()).toMatchObject({ code: 0 });
      expect(await mac.run("cat /Users/base/one")).toBe("3\n");
      write("base", spec("empty", "echo 2 >one"));
      const back = await fleet.up();
      expect(back).toMatchObject({ code: 0 });
      expect(back.text).toContain("2 steps, all cached");
      expect(await readAlias("base")).toBe(second);
    },
    TIMEOUT_MS,
  );
});
