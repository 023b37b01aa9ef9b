import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, runOverSsh, type SimMac } from "../mac/fixture.js";
import { compareListings, describeHosts, makeFleet, runPlainPulumi, type Config, type Fleet } from "./fleet.js";

const TIMEOUT_MS = 240_000;

/** An account as a person or another tool makes it. */
const FOREIGN = `
  for pair in UniqueID=705 PrimaryGroupID=20 UserShell=/bin/zsh RealName=Somebody NFSHomeDirectory=/Users/mac705; do
    dscl . -create /Users/mac705 "\${pair%%=*}" "\${pair#*=}"
  done
  mkdir -m 755 /Users/mac705; echo work >/Users/mac705/work; chown -R 705:20 /Users/mac705`;

describe("a pool of two Macs, one with an account that somebody else made", () => {
  let one: SimMac;
  let two: SimMac;
  let fleet: Fleet;
  let config: Config;
  beforeAll(async () => {
    [one, two, fleet] = await Promise.all([bootMac(), bootMac(), makeFleet()]);
    await one.run(FOREIGN);
    await Promise.all([one, two].map((mac) => runOverSsh(mac, "sudo -n true")));
    config = {
      "macfoundry:hosts": describeHosts({ one, two }),
      "fleet:expect": { arch: "x86_64", macos: "14" },
      "fleet:builders": [{ name: "mac705", uid: 705 }],
    };
  }, 300_000);
  afterAll(async () => {
    fleet.remove();
    await Promise.all([one.stop(), two.stop()]);
  });

  it(
    "observe: preview shows every difference, up changes nothing, and the next preview shows them again",
    async () => {
      fleet.configure({
        ...config,
        "fleet:expect": { arch: "x86_64", macos: "14", sip: "enabled" },
        "fleet:observe": true,
      });
      const before = await Promise.all([one.listing(), two.listing()]);
      const first = await fleet.preview("--diff");
      expect(first.text).toContain(
        'NOT_OWNED on one: builder: builders[0].adopt: "not made by macfoundry" => "adopt: true"',
      );
      expect(first.text).toContain('builders[0].shell: (absent) => "/bin/bash"');
      expect(first.text).toContain('sip: "disabled" => "enabled"');
      expect(first.code).toBe(0);
      const update = await fleet.up();
      expect(update.code).toBe(0);
      const again = await fleet.preview();
      expect(again.text).toContain("say `adopt: true` for mac705");
      expect(again.text).toMatch(/\+ shell\s*: "\/bin\/bash"/);
      expect(again.text).toMatch(/~ sip\s*: "disabled" => "enabled"/);
      expect(again.code).toBe(7);
      const after = await Promise.all([one.listing(), two.listing()]);
      expect(compareListings(before[0], after[0])).toEqual([]);
      expect(compareListings(before[1], after[1])).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "an account of somebody else is refused and left as it is, while the other Mac is finished",
    async () => {
      fleet.configure(config);
      const before = await one.listing();
      const update = await fleet.up();
      expect(update.text).toContain("NOT_OWNED on one: builder");
      expect(update.text).toContain("Next: say `adopt: true` for mac705");
      expect(update.code).not.toBe(0);
      expect(compareListings(before, await one.listing())).toEqual([]);
      expect(await two.run("id -u mac705")).toBe("705\n");
    },
    TIMEOUT_MS,
  );

  it(
    "adopt: true takes it over, and keeps what is in its home",
    async () => {
      config["fleet:builders"] = [{ name: "mac705", uid: 705, adopt: true }];
      fleet.configure(config);
      expect((await fleet.up()).code).toBe(0);
      expect(
        await one.run(
          "dscl . -read /Users/mac705 RealName UserShell; stat -f %Lp /Users/mac705; cat /Users/mac705/work",
        ),
      ).toBe("RealName: mac705\nUserShell: /bin/bash\n700\nwork\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "with one Mac down, preview shows that and the other's drift; up finishes the other and keeps the last state",
    async () => {
      await two.fault("cut-connection", "hold");
      await one.run("dscl . -create /Users/mac705 UserShell /bin/zsh");
      const drifted = await fleet.preview();
      expect(drifted.text).toContain("could not look, the last known state is kept: HOST_UNREACHABLE on two");
      expect(drifted.text).toMatch(/~ status\s*: "could not look: HOST_UNREACHABLE" => "converged"/);
      expect(drifted.text).toMatch(/~ shell\s*: "\/bin\/zsh" => "\/bin\/bash"/);
      expect(drifted.code).toBe(7);

      const update = await fleet.up();
      expect(update.text).toContain("HOST_UNREACHABLE on two");
      expect(update.code).not.toBe(0);
      expect(await one.run("dscl . -read /Users/mac705 UserShell")).toBe("UserShell: /bin/bash\n");
      expect(fleet.resource("state:Builders", "two")?.outputs["builders"]).toMatchObject([
        { uid: 705, shell: "/bin/bash" },
      ]);

      await one.run("dscl . -create /Users/mac705 UserShell /bin/zsh");
      const plain = await runPlainPulumi(fleet, ["up", "--skip-preview", "--yes", "--continue-on-error"]);
      expect(plain.code).not.toBe(0);
      expect(await one.run("dscl . -read /Users/mac705 UserShell")).toBe("UserShell: /bin/bash\n");

      await two.clearFault("cut-connection");
      expect((await fleet.up()).code).toBe(0);
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "a uid that somebody else has is refused with the name of its owner",
    async () => {
      await one.run("dscl . -create /Users/visitor UniqueID 800");
      fleet.configure({
        ...config,
        "fleet:builders": [
          { name: "mac705", uid: 705, adopt: true },
          { name: "mac800", uid: 800 },
        ],
      });
      const before = await one.listing();
      const update = await fleet.up();
      expect(update.text).toContain("TAKEN on one: builder");
      expect(update.text).toContain("uid 800 belongs to visitor on this Mac: choose another uid for mac800");
      expect(update.code).not.toBe(0);
      expect(compareListings(before, await one.listing())).toEqual([]);
      expect(await two.run("id -u mac800")).toBe("800\n");
    },
    TIMEOUT_MS,
  );

  it(
    "a Mac that is gone for good is let go with deleteUnreachable, not without",
    async () => {
      const hosts = describeHosts({ one, two });
      await two.fault("cut-connection", "hold");
      fleet.configure({ ...config, "macfoundry:hosts": hosts });
      const refused = await fleet.pulumi(["destroy"]);
      expect(refused.text).toContain("HOST_UNREACHABLE on two");
      expect(refused.code).not.toBe(0);
      expect(fleet.resource("state:Builders", "two")?.id).toBe("two/builder/main");
      fleet.configure({
        ...config,
        "macfoundry:hosts": { one: hosts["one"], two: { ...hosts["two"], deleteUnreachable: true } },
      });
      const destroyed = await fleet.pulumi(["destroy"]);
      expect(destroyed.text).toContain("let go without a look, as deleteUnreachable says");
      expect(destroyed.code).toBe(0);
      expect(fleet.resource("state:Builders", "two")).toBeUndefined();
      await two.clearFault("cut-connection");
      expect(await two.run("id -u mac705")).toBe("705\n");
    },
    TIMEOUT_MS,
  );
});
