import { homedir } from "node:os";
import { describe, expect, it } from "@jest/globals";
import { knownHostsLine, sshOptions } from "../../host/ssh-arguments.js";

const HOST = { name: "mac1", address: "10.0.0.1", port: 2222, user: "admin", hostKey: " ssh-ed25519 AAAA \n" };
const PLACE = { controlPath: "/tmp/mf-abc/c", knownHostsFile: "/tmp/mf-abc/k" };

describe("ssh's options", () => {
  it("force what decides about trust and prompts, whatever the user's ssh_config says", () => {
    const words = sshOptions(HOST, PLACE);
    for (const option of [
      "StrictHostKeyChecking=yes",
      "UpdateHostKeys=no",
      "BatchMode=yes",
      "ForwardAgent=no",
      "ClearAllForwardings=yes",
      "PermitLocalCommand=no",
      "GlobalKnownHostsFile=/dev/null",
      "UserKnownHostsFile=/tmp/mf-abc/k",
      "Port=2222",
      "User=admin",
    ]) {
      expect(words).toContain(option);
    }
    expect(words).not.toContain("-i");
    expect(words).not.toContain("-J");
  });

  it("offer only the named key, and go through the named jump hosts", () => {
    const words = sshOptions({ ...HOST, identity: "~/.ssh/key", jump: "a@b:1,c" }, PLACE);
    expect(words.join(" ")).toContain(`IdentitiesOnly=yes -i ${homedir()}/.ssh/key -J a@b:1,c`);
  });

  it("find the pinned key under a name of ours, so that address and port don't matter", () => {
    expect(knownHostsLine(HOST)).toBe("macfoundry-mac1 ssh-ed25519 AAAA\n");
    expect(sshOptions(HOST, PLACE)).toContain("HostKeyAlias=macfoundry-mac1");
  });
});
