import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "../mac/fixture.js";
import { compareListings, describeHost, makeFleet, type Fleet } from "./fleet.js";

const TIMEOUT_MS = 180_000;

describe("what is refused", () => {
  let mac: SimMac;
  let fleet: Fleet;
  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac(), makeFleet()]);
  }, 300_000);
  afterAll(async () => {
    fleet.remove();
    await mac.stop();
  });

  it(
    "a bad configuration: one error with all problems at their places, and no Mac is asked",
    async () => {
      fleet.configure({
        "macfoundry:hosts": { mac1: describeHost(mac) },
        "fleet:expect": { arch: "x86", macos: 14 },
        "fleet:builders": [
          { name: "mac705", uid: 500 },
          { name: "mac705", uid: 705, shel: "/bin/zsh" },
        ],
      });
      await mac.run(": >/.sim/log/sshd.log");
      const update = await fleet.up();
      expect(update.code).not.toBe(0);
      const places = [...update.text.matchAll(/Pulumi\.dev\.yaml:(\d+):(\d+)/g)].map(([, line]) => Number(line));
      expect(new Set(places).size).toBeGreaterThanOrEqual(5);
      for (const name of [
        "fleet:expect.arch",
        "fleet:expect.macos",
        "fleet:builders[0].uid",
        "shel",
        "builders[1].name",
      ]) {
        expect(update.text).toContain(name);
      }
      expect(update.text).not.toMatch(/^\s+at .*\.[jt]s:\d+/m); // a person's mistake needs no stack trace
      expect(await mac.run("cat /.sim/log/sshd.log")).not.toContain("Accepted");
    },
    TIMEOUT_MS,
  );

  it(
    "another host key, a key that is not let in, and no sudo: one clear error for each, nothing changed",
    async () => {
      const host = describeHost(mac);
      const wrongKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINDuwR4PkqkL9/o/Tk0lBVF8z7HOWVh7yJP3XSy8+wwO";
      fleet.configure({
        "macfoundry:hosts": {
          changed: { ...host, hostKey: wrongKey },
          denied: { ...host, user: "nobody" },
          weak: host,
        },
        "fleet:expect": { arch: "x86_64", macos: "14" },
        "fleet:builders": [{ name: "mac705", uid: 705 }],
      });
      await mac.fault("no-sudo");
      const before = await mac.listing();
      const seen = await fleet.preview("--diff");
      expect(seen.text).toContain("could not look: HOST_KEY_CHANGED on changed");
      expect(seen.text).toContain("could not look: AUTH_DENIED on denied");
      expect(seen.text).toContain("could not look: SUDO_DENIED on weak");
      expect(seen.code).toBe(0);
      const update = await fleet.up();
      for (const text of ["HOST_KEY_CHANGED on changed", "AUTH_DENIED on denied", "SUDO_DENIED on weak"]) {
        expect(update.text).toContain(text);
      }
      expect(update.text).toContain("only then put the new key");
      expect(update.text).toContain("sudo tee /private/etc/sudoers.d/macfoundry");
      expect(update.code).not.toBe(0);
      expect(compareListings(before, await mac.listing())).toEqual([]);
      await mac.clearFault("no-sudo");
    },
    TIMEOUT_MS,
  );

  it(
    "a full disk ends with STORE_FULL, and the next up finishes what was begun",
    async () => {
      fleet.configure({
        "macfoundry:hosts": { weak: describeHost(mac) },
        "fleet:expect": { arch: "x86_64", macos: "14" },
        "fleet:builders": [{ name: "mac705", uid: 705 }],
      });
      await mac.run("mkdir -p /var/db/macfoundry"); // else the first folder fails already, and says so without a name
      await mac.fault("disk-full");
      const update = await fleet.up();
      expect(update.text).toMatch(/STORE_FULL on weak: builder mac705|STORE_FULL on weak/);
      expect(update.text).toContain("Next: free space on the Data volume");
      expect(update.code).not.toBe(0);
      await mac.clearFault("disk-full");
      expect((await fleet.up()).code).toBe(0);
      expect(await mac.run("id -u mac705")).toBe("705\n");
      expect((await fleet.preview()).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  it(
    "a value that is encrypted in the stack file stays so in the state and in all that Pulumi prints and keeps",
    async () => {
      // The user's name stands for any secret of a host's entry. (A line of ssh must hold it: see docs/config.md.)
      fleet.configure({
        "macfoundry:hosts": { weak: describeHost(mac) },
        "fleet:expect": { arch: "x86_64", macos: "14" },
        "fleet:builders": [{ name: "mac705", uid: 705 }],
      });
      const secret = "planted-7c1f";
      const identity = path.join(fleet.folder, secret);
      fs.copyFileSync(mac.identityFile, identity);
      fs.chmodSync(identity, 0o600);
      const set = await fleet.pulumi([
        "config",
        "set",
        "--secret",
        "--path",
        "macfoundry:hosts.weak.identity",
        identity,
      ]);
      expect(set.code).toBe(0);
      expect(fs.readFileSync(fleet.stackFile, "utf8")).not.toContain(secret);
      const update = await fleet.up();
      expect(update.text).toMatch(/9 (?:unchanged|created)/);
      expect(update.code).toBe(0);
      expect(update.text).not.toContain(secret);
      expect(fleet.readState()).toContain("ciphertext");
      for (const place of [fleet.stateFolder, path.join(fleet.folder, "home"), fleet.stackFile]) {
        expect(spawnSync("grep", ["-rl", secret, place], { encoding: "utf8" }).stdout).toBe("");
      }
    },
    TIMEOUT_MS,
  );
});
