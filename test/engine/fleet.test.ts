import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "../mac/fixture.js";
import { compareListings, describeHosts, makeFleet, type Config, type Fleet } from "./fleet.js";

const TIMEOUT_MS = 180_000;

describe("one Mac through the real engine", () => {
  let mac: SimMac;
  let fleet: Fleet;
  let config: Config;
  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac(), makeFleet()]);
    config = {
      "macfoundry:hosts": describeHosts({ mac1: mac }),
      "fleet:expect": { arch: "x86_64", macos: "14", sip: "disabled", macfuse: "absent" },
      "fleet:builders": [{ name: "mac705", uid: 705, groups: ["_www"] }],
    };
    fleet.configure(config);
  }, 300_000);
  afterAll(async () => {
    fleet.remove();
    await mac.stop();
  });

  it(
    "preview of a Mac that was never touched tells what it lacks, and touches nothing",
    async () => {
      const before = await mac.listing();
      const first = await fleet.preview();
      expect(first.text).toContain('builders[0].shell: (absent) => "/bin/bash"');
      expect(first.text).toContain('builders[0].homeAccess: "missing" => "700 705:20"');
      expect(first.code).toBe(7);
      expect(compareListings(before, await mac.listing())).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "up makes the builder; a second up changes nothing at all on the Mac, and preview is clean",
    async () => {
      const first = await fleet.up();
      expect(first.text).toMatch(/\+ 9 created/);
      expect(first.code).toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 UniqueID UserShell NFSHomeDirectory IsHidden Password")).toBe(
        "dsAttrTypeNative:IsHidden: 1\nNFSHomeDirectory: /Users/mac705\nPassword: *\nUniqueID: 705\nUserShell: /bin/bash\n",
      );
      expect(await mac.run("stat -f '%Lp %u:%g' /Users/mac705; id -Gn mac705")).toMatch(/^700 705:20\n.*\b_www\b/);

      const before = await mac.listing();
      const second = await fleet.up();
      expect(second.text).toMatch(/9 unchanged/);
      expect(second.code).toBe(0);
      const clean = await fleet.preview();
      expect(clean.text).not.toContain("~");
      expect(clean.code).toBe(0);
      expect(compareListings(before, await mac.listing())).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "drift is shown line by line as live => desired, repaired by up, and gone from the next preview",
    async () => {
      await mac.run(`dscl . -create /Users/mac705 UserShell /bin/zsh
        dseditgroup -o edit -d mac705 -t user _www
        dseditgroup -o edit -a mac705 -t user admin
        chmod 755 /Users/mac705`);
      const drifted = await fleet.preview();
      expect(drifted.text).toMatch(/~ shell\s*: "\/bin\/zsh" => "\/bin\/bash"/);
      expect(drifted.text).toMatch(/~ homeAccess\s*: "755 705:20" => "700 705:20"/);
      expect(drifted.text).toMatch(/"admin" => "_www"/);
      expect(drifted.code).toBe(7);
      expect((await fleet.up()).code).toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 UserShell; stat -f %Lp /Users/mac705")).toBe(
        "UserShell: /bin/bash\n700\n",
      );
      expect(await mac.run("id -Gn mac705")).not.toContain("admin");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "an account that was deleted is made again, its home kept as it was",
    async () => {
      await mac.run("echo work >/Users/mac705/work; chown 705 /Users/mac705/work; dscl . -delete /Users/mac705");
      const drifted = await fleet.preview();
      expect(drifted.text).toMatch(/\+ uid\s*: 705/);
      expect(drifted.code).toBe(7);
      expect((await fleet.up()).code).toBe(0);
      expect(await mac.run("id -u mac705; cat /Users/mac705/work")).toBe("705\nwork\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "SIP that is not as expected is shown with the procedure; up repairs the rest and ends with NEEDS_HUMAN",
    async () => {
      await mac.fault("sip-on");
      await mac.run("dscl . -create /Users/mac705 UserShell /bin/zsh");
      const drifted = await fleet.preview();
      expect(drifted.text).toMatch(/~ sip\s*: "enabled" => "disabled"/);
      expect(drifted.text).toMatch(/~ shell\s*: "\/bin\/zsh" => "\/bin\/bash"/);
      expect(drifted.text).toContain("hold Cmd-R until the Apple logo shows; Utilities, Terminal; type `csrutil disable`");
      expect(drifted.code).toBe(7);
      const update = await fleet.up();
      expect(update.text).toContain('NEEDS_HUMAN on mac1: sip: sip: "enabled" => "disabled"');
      expect(update.text).toContain("Next: at the Mac: restart the Mac and hold Cmd-R");
      expect(update.code).not.toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 UserShell")).toBe("UserShell: /bin/bash\n");
      expect((await fleet.preview()).code).toBe(7);

      await mac.clearFault("sip-on");
      expect((await fleet.up()).code).toBe(0);
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "a Mac of the wrong arch is refused with HOST_MISMATCH, and nothing below it is changed",
    async () => {
      await mac.run("dscl . -create /Users/mac705 UserShell /bin/zsh");
      fleet.configure({ ...config, "fleet:expect": { arch: "arm64", macos: "14" } });
      const before = await mac.listing();
      const update = await fleet.up();
      expect(update.text).toContain('HOST_MISMATCH on mac1: mac-host: arch: "x86_64" => "arm64"');
      expect(update.text).toContain("Next: put this Mac into a pool for x86_64, or correct fleet:expect.arch");
      expect(update.code).not.toBe(0);
      expect(compareListings(before, await mac.listing())).toEqual([]);
      fleet.configure(config);
      expect((await fleet.up()).code).toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 UserShell")).toBe("UserShell: /bin/bash\n");
    },
    TIMEOUT_MS,
  );

  it(
    "without Full Disk Access the account's repair ends with NEEDS_HUMAN and says where to click",
    async () => {
      await mac.run("dscl . -create /Users/mac705 UserShell /bin/zsh");
      await mac.fault("no-full-disk-access");
      const update = await fleet.up();
      expect(update.text).toContain("NEEDS_HUMAN on mac1: builder mac705: macOS refuses to change accounts");
      expect(update.text).toContain("System Settings, General, Sharing, Remote Login");
      expect(update.code).not.toBe(0);
      await mac.clearFault("no-full-disk-access");
      expect((await fleet.up()).code).toBe(0);
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );
});
