import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as fs from "node:fs";
import * as path from "node:path";
import { bootMac, runOverSsh, type SimMac } from "../mac/fixture.js";
import { compareListings, describeHosts, makeFleet, readEntries, type Config, type Fleet } from "./fleet.js";
import { openRelay } from "./relay.js";

const TIMEOUT_MS = 240_000;

/** Each test goes on where the one before it ended: a run of the engine costs seconds. */
describe("one Mac through the real engine", () => {
  let mac: SimMac;
  let fleet: Fleet;
  let config: Config;
  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac(), makeFleet()]);
    config = {
      "macfoundry:hosts": describeHosts({ mac1: mac }),
      "fleet:expect": { arch: "x86_64", macos: "14", sip: "disabled", macfuse: "absent" },
      "fleet:builders": [
        { name: "mac705", uid: 705, groups: ["_www"] },
        { name: "mac706", uid: 706 },
      ],
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
      await runOverSsh(mac, "sudo -n true"); // Debian's sudo leaves a mark at the first time, a Mac's does not
      const before = await mac.listing();
      const first = await fleet.preview();
      expect(first.text).toContain('builders[0].shell: (absent) => "/bin/bash"');
      expect(first.text).toContain('builders[1].homeAccess: (absent) => "700 706:20"');
      expect(first.code).toBe(7);
      expect(compareListings(before, await mac.listing())).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "up makes the builders; a second up changes nothing at all on the Mac, and preview is clean",
    async () => {
      const first = await fleet.up();
      expect(first.text).toMatch(/\+ 9 created/);
      expect(first.code).toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 IsHidden NFSHomeDirectory Password UniqueID UserShell")).toBe(
        "IsHidden: 1\nNFSHomeDirectory: /Users/mac705\nPassword: *\nUniqueID: 705\nUserShell: /bin/bash\n",
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
    "drift is shown line by line as live => desired; up repairs it, all but SIP, which a person must change",
    async () => {
      await mac.run(`dscl . -create /Users/mac705 UserShell /bin/zsh
        dseditgroup -o edit -d mac705 -t user _www
        dseditgroup -o edit -a mac705 -t user admin
        chmod 755 /Users/mac705
        echo work >/Users/mac706/work
        dscl . -delete /Users/mac706`);
      await mac.fault("sip-on");

      const drifted = await fleet.preview();
      expect(drifted.text).toMatch(/~ shell\s*: "\/bin\/zsh" => "\/bin\/bash"/);
      expect(drifted.text).toMatch(/~ homeAccess\s*: "755 705:20" => "700 705:20"/);
      expect(drifted.text).toMatch(/"admin" => "_www"/);
      expect(drifted.text).toMatch(/\+ uid\s*: 706/);
      expect(drifted.text).toMatch(/~ sip\s*: "enabled" => "disabled"/);
      expect(drifted.text).toContain(
        "hold Cmd-R until the Apple logo shows; Utilities, Terminal; type `csrutil disable`",
      );
      expect(drifted.code).toBe(7);

      const update = await fleet.up();
      expect(update.text).toContain('NEEDS_HUMAN on mac1: sip: sip: "enabled" => "disabled"');
      expect(update.text).toContain("Next: at the Mac: restart the Mac and hold Cmd-R");
      expect(update.code).not.toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 UserShell; stat -f %Lp /Users/mac705")).toBe(
        "UserShell: /bin/bash\n700\n",
      );
      expect(await mac.run("id -Gn mac705")).not.toContain("admin");
      expect(await mac.run("id -u mac706; cat /Users/mac706/work")).toBe("706\nwork\n");

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
    },
    TIMEOUT_MS,
  );

  it(
    "without Full Disk Access the account's repair ends with NEEDS_HUMAN and says where to click",
    async () => {
      await mac.fault("no-full-disk-access");
      const update = await fleet.up();
      expect(update.text).toContain("NEEDS_HUMAN on mac1: builder mac705: macOS refuses to change accounts");
      expect(update.text).toContain("System Settings, General, Sharing, Remote Login");
      expect(update.code).not.toBe(0);
      await mac.clearFault("no-full-disk-access");
      expect((await fleet.up()).code).toBe(0);
      expect(await mac.run("dscl . -read /Users/mac705 UserShell")).toBe("UserShell: /bin/bash\n");
    },
    TIMEOUT_MS,
  );

  it(
    "a Mac that has moved to another address is the same Mac: nothing to do, no state resource changes",
    async () => {
      const relay = await openRelay(mac);
      try {
        const readStates = (): unknown[] =>
          readEntries(fleet)
            .filter(({ type }) => type.startsWith("macfoundry:state:"))
            .map(({ urn, id, inputs, outputs }) => ({ urn, id, inputs, outputs }))
            .sort((a, b) => a.urn.localeCompare(b.urn));
        const before = readStates();
        const moved = { ...describeHosts({ mac1: mac })["mac1"], address: relay.address, port: relay.port };
        fleet.configure({ ...config, "macfoundry:hosts": { mac1: moved } });
        const update = await fleet.up("--expect-no-changes");
        expect(update.code).toBe(0);
        expect(relay.connections()).toBeGreaterThan(0);
        expect(readStates()).toEqual(before);
        // Refresh has no program: the address comes from the stack's current configuration all the same.
        const refresh = await fleet.pulumi(["refresh", "--preview-only", "--expect-no-changes"]);
        expect(refresh.text).toContain("unchanged");
        expect(refresh.code).toBe(0);
      } finally {
        await relay.close();
        fleet.configure(config);
      }
    },
    TIMEOUT_MS,
  );

  it(
    "what a stack has forgotten is taken up again by import with the id, without a change to the Mac",
    async () => {
      const known = fleet.resource("state:Builders", "mac1");
      expect(known?.id).toBe("mac1/builder/main");
      expect(known?.urn).toBe(
        "urn:pulumi:dev::fleet::macfoundry:mac-host:MacHost$macfoundry:builder:Builders$macfoundry:state:Builders::mac1",
      );
      const forget = await fleet.pulumi(["state", "delete", known?.urn ?? "", "--yes"]);
      expect(forget.code).toBe(0);
      const before = await mac.listing();
      const parent = known?.urn.replace("$macfoundry:state:Builders::", "::") ?? "";
      const file = path.join(fleet.folder, "import.json");
      fs.writeFileSync(
        file,
        JSON.stringify({
          nameTable: { parent },
          resources: [{ type: "macfoundry:state:Builders", name: "mac1", id: "mac1/builder/main", parent: "parent" }],
        }),
      );
      const imported = await fleet.pulumi([
        "import",
        "--file",
        file,
        "--yes",
        "--protect=false",
        "--generate-code=false",
      ]);
      expect(imported.text).toContain("1 imported");
      expect(imported.code).toBe(0);
      expect(fleet.resource("state:Builders", "mac1")?.outputs["builders"]).toEqual(known?.outputs["builders"]);
      expect((await fleet.up()).code).toBe(0);
      expect((await fleet.preview()).code).toBe(0);
      expect(compareListings(before, await mac.listing())).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "destroy removes the accounts and what macfoundry wrote down of them, and keeps their homes",
    async () => {
      const destroyed = await fleet.pulumi(["destroy"]);
      expect(destroyed.text).toContain("account mac706 removed; its home /Users/mac706 was kept");
      expect(destroyed.code).toBe(0);
      expect((await mac.exec("id mac705")).code).toBe(1);
      expect(await mac.run("cat /Users/mac706/work; ls /var/db/macfoundry/managed/builder")).toBe("work\n");
      expect(await mac.run("dscl . -list /Groups GroupMembership")).not.toContain("mac70");
      expect(readEntries(fleet)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
