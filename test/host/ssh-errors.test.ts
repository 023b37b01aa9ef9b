import { describe, expect, it } from "@jest/globals";
import { explainSshFailure, findSudoRefusal } from "../../host/ssh-errors.js";

const HOST = { name: "mac1", address: "10.0.0.1", port: 22, user: "admin", hostKey: "ssh-ed25519 AAAA" };

describe("ssh's last words", () => {
  it.each([
    [
      "@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@\nHost key verification failed.",
      "HOST_KEY_CHANGED",
    ],
    ["No ED25519 host key is known for macfoundry-mac1 and you have requested strict checking.", "HOST_KEY_CHANGED"],
    ["Host key verification failed.", "HOST_KEY_CHANGED"],
    ["admin@10.0.0.1: Permission denied (publickey,password,keyboard-interactive).", "AUTH_DENIED"],
    ["no such identity: /k: No such file or directory\nadmin@10.0.0.1: Permission denied (publickey).", "AUTH_DENIED"],
    ["Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures", "AUTH_DENIED"],
    ["ssh: connect to host 10.0.0.1 port 22: Connection refused", "HOST_UNREACHABLE"],
    ["ssh: connect to host 10.0.0.1 port 22: Operation timed out", "HOST_UNREACHABLE"],
    ["ssh: Could not resolve hostname mac1: nodename nor servname provided, or not known", "HOST_UNREACHABLE"],
    ["kex_exchange_identification: Connection closed by remote host", "HOST_UNREACHABLE"],
    ["client_loop: send disconnect: Broken pipe", "HOST_UNREACHABLE"],
    ["", "HOST_UNREACHABLE"],
  ])("%j mean %s", (text, code) => {
    const error = explainSshFailure(HOST, text);
    expect(error.code).toBe(code);
    expect(error.host).toBe("mac1");
    expect(error.message).toMatch(/^[A-Z_]+ on mac1: .*admin@10\.0\.0\.1 port 22.*\nNext: \S/);
  });
});

describe("sudo's refusals", () => {
  const find = (stderr: string, code = 1, stdout = ""): string | undefined =>
    findSudoRefusal(HOST, { code, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) })?.code;

  it.each([
    "sudo: a password is required\n",
    "sudo: a terminal is required to read the password; either use the -S option to read from standard input or configure an askpass helper\n",
    "sudo: sorry, you must have a tty to run sudo\n",
    "sudo: no valid sudoers sources found, quitting\n",
    "admin is not in the sudoers file.  This incident will be reported.\n",
    "Sorry, user admin is not allowed to execute '/bin/sh -s' as root on mac1.\n",
  ])("%j is one", (text) => {
    expect(find(text)).toBe("SUDO_DENIED");
  });

  it("are not seen in what a command of ours says or prints", () => {
    expect(find("sudo: /opt/ocaml/bin/ocamlc: command not found\n")).toBeUndefined();
    expect(find("sudo: a password is required\n", 2)).toBeUndefined();
    expect(find("sudo: a password is required\n", 1, "output")).toBeUndefined();
    expect(find("dscl: nothing\n")).toBeUndefined();
  });
});
