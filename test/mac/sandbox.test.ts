import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "./fixture.js";

const PROFILE = `(version 1)
(allow default)
(deny network*)
(allow network* (remote ip "localhost:*"))
(allow network* (local ip "localhost:*"))
(deny file-write*)
(allow file-write*
    (subpath (param "HOME_DIR"))
    (subpath "/private/tmp")
    (literal "/dev/null") (regex #"^/dev/ttys[0-9]+$"))
(deny file-write-setugid)
`;

describe("sandbox-exec", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac();
    await mac.run("cat >/Library/p.sb", { input: PROFILE });
    await mac.run("mkdir -m 0777 /Users/Shared/other && mkdir -m 0777 /opt/open");
  }, 300_000);
  afterAll(() => mac.stop());

  /** A script as the administrator under the profile; unprivileged refusals are ruled out by 0777 folders. */
  const runSandboxed = (script: string) =>
    mac.exec(
      "cd /private/tmp && sudo -n -H -u administrator sandbox-exec -D HOME_DIR=/Users/administrator -f /Library/p.sb /bin/sh",
      { input: script },
    );

  it("allows writes in the allowed trees, renames between them, and /dev/null", async () => {
    const result = await runSandboxed(
      "touch ~/a && mv ~/a /private/tmp/b && mkdir ~/d && rmdir ~/d && rm /private/tmp/b && echo x >/dev/null && echo done",
    );
    expect(result).toEqual({ code: 0, stdout: "done\n", stderr: "" });
  });

  it("refuses creating, overwriting and removing elsewhere, and the files are as before", async () => {
    await mac.run("echo old >/opt/open/f; chmod 0666 /opt/open/f");
    for (const script of [
      "touch /opt/open/new",
      "echo new >/opt/open/f",
      "rm -f /opt/open/f",
      "mkdir /opt/open/d",
      "ln -s x /opt/open/l",
      "mv /opt/open/f ~/f",
    ]) {
      const result = await runSandboxed(script);
      expect([script, result.code === 0]).toEqual([script, false]);
    }
    expect(await mac.run("ls /opt/open; cat /opt/open/f")).toBe("f\nold\n");
    expect(await mac.exec("sudo -n -u administrator touch /opt/open/new")).toMatchObject({ code: 0 });
  });

  it("gives nothing to a rule about a symbolic link, since rules are about real paths", async () => {
    const profile = '(version 1)(allow default)(deny file-write*)(allow file-write* (subpath "/tmp"))';
    expect((await mac.exec(`sandbox-exec -p '${profile}' touch /private/tmp/x`)).code).not.toBe(0);
    expect(
      (await mac.exec(`sandbox-exec -p '${profile.replace("/tmp", "/private/tmp")}' touch /private/tmp/x`)).code,
    ).toBe(0);
  });

  it("denies a subpath of an allowed tree, the later rule winning", async () => {
    await mac.run("mkdir -p -m 0777 /Users/Shared/other/closed/open");
    const profile = `(version 1)(allow default)(deny file-write*)(allow file-write* (subpath "/Users/Shared/other"))
      (deny file-write* (subpath "/Users/Shared/other/closed"))(allow file-write* (subpath "/Users/Shared/other/closed/open"))`;
    const result = await mac.exec(
      `sandbox-exec -p '${profile}' /bin/sh -c 'cd /Users/Shared/other; for f in a closed/b closed/open/c; do touch $f && echo $f; done'`,
    );
    expect(result.stdout).toBe("a\nclosed/open/c\n");
  });

  it("hides what may not be read", async () => {
    await mac.run("mkdir -p /Users/Shared/secret; echo s >/Users/Shared/secret/f");
    const profile = '(version 1)(allow default)(deny file-read* (subpath "/Users/Shared/secret"))';
    const script = "cat /Users/Shared/secret/f";
    expect((await mac.exec(`sudo -n -u administrator sandbox-exec -p '${profile}' ${script}`)).code).not.toBe(0);
    expect((await mac.exec(`sudo -n -u administrator ${script}`)).stdout).toBe("s\n");
  });

  it("refuses connections and datagrams to other machines with EPERM, and allows loopback", async () => {
    const probe = `perl -MSocket -e '
      for my $to (["tcp", SOCK_STREAM, "192.0.2.1", 80], ["udp", SOCK_DGRAM, "192.0.2.1", 53], ["loopback", SOCK_STREAM, "${mac.address}", ${mac.port}]) {
        socket my $s, AF_INET, $to->[1], 0;
        my $ok = connect $s, pack_sockaddr_in($to->[3], inet_aton($to->[2]));
        print "$to->[0] ", $ok ? "connected" : $!{EPERM} ? "EPERM" : $!, "\\n";
      }
      socket my $s, AF_INET, SOCK_DGRAM, 0;
      print "sendto ", send($s, "x", 0, pack_sockaddr_in(53, inet_aton("192.0.2.1"))) ? "sent" : $!{EPERM} ? "EPERM" : $!, "\\n";
      for my $at ("127.0.0.1", "0.0.0.0") {
        socket my $b, AF_INET, SOCK_STREAM, 0;
        print "bind $at ", bind($b, pack_sockaddr_in(0, inet_aton($at))) ? "bound" : $!{EPERM} ? "EPERM" : $!, "\\n";
      }'`;
    expect((await runSandboxed(probe)).stdout).toBe(
      "tcp EPERM\nudp EPERM\nloopback connected\nsendto EPERM\nbind 127.0.0.1 bound\nbind 0.0.0.0 EPERM\n",
    );
  });

  it("lets a server listen on loopback by network-inbound alone, and unix sockets be used where they are allowed", async () => {
    const bind = (address: string) =>
      `perl -MSocket -e 'socket my $s, AF_INET, SOCK_STREAM, 0; print bind($s, pack_sockaddr_in(0, inet_aton("${address}"))) ? "bound" : "refused", " "'`;
    const local = `perl -MSocket -e 'socket my $s, AF_UNIX, SOCK_STREAM, 0; print connect($s, pack_sockaddr_un("/private/var/run/launchd.socket")) ? "connected" : "refused"'`;
    const probe = `${bind("127.0.0.1")}; ${bind("0.0.0.0")}; ${local}`;
    const inbound = '(version 1)(allow default)(deny network*)(allow network-inbound (local ip "localhost:*"))';
    const withUnix = `${inbound}(allow network* (remote unix-socket))`;
    const run = async (profile: string) =>
      (await mac.exec(`sandbox-exec -p '${profile}' /bin/sh`, { input: probe })).stdout;
    expect(await run(inbound)).toBe("bound refused refused");
    expect(await run(withUnix)).toBe("bound refused connected");
  });

  it("enforces a profile that denies by default", async () => {
    const profile = `(version 1)(deny default)(allow process*)(allow file-read*)(allow sysctl-read)(allow mach-lookup)
      (allow signal (target same-sandbox))(allow file-write* (subpath "/private/tmp") (literal "/dev/null"))`;
    const script =
      "touch /private/tmp/ok && echo wrote; touch /opt/open/no || echo refused; cat /etc/paths >/dev/null && echo read";
    const result = await mac.exec(`sandbox-exec -p '${profile}' /bin/sh`, { input: script });
    expect([result.code, result.stdout]).toEqual([0, "wrote\nrefused\nread\n"]);
  });

  it("refuses set-user-id modes where the profile does", async () => {
    const result = await runSandboxed("touch ~/s && chmod 0755 ~/s && chmod 04755 ~/s");
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("Operation not permitted");
    expect(await mac.run("perl -e 'printf q(%o), (stat shift)[2] & 07777' /Users/administrator/s")).toBe("755");
  });

  it("refuses to nest with 71", async () => {
    const nested = { code: 71, stdout: "", stderr: "sandbox-exec: sandbox_apply: Operation not permitted\n" };
    expect(await runSandboxed("sandbox-exec -p '(version 1)(allow default)' true")).toEqual(nested);
    expect(await runSandboxed("/bin/sh -c 'env sandbox-exec -n no-network true'")).toEqual(nested);
  });

  it("starts no set-user-id program inside, by any name, unless the profile names it", async () => {
    for (const script of ["sudo -n true", "ps ax", "cd /usr/bin && ./sudo -n true", "ln -s /bin/ps ~/p && ~/p"]) {
      const result = await runSandboxed(script);
      expect([script, result.code, /Operation not permitted/.test(result.stderr)]).toEqual([script, 126, true]);
    }
    const profile = '(version 1)(allow default)(allow process-exec (literal "/bin/ps") (with no-sandbox))';
    expect((await mac.exec(`sandbox-exec -p '${profile}' ps ax`)).code).toBe(0);
    expect(await mac.exec("sandbox-exec -n no-network sudo -n true")).toEqual({
      code: 71,
      stdout: "",
      stderr: "sandbox-exec: execvp() of 'sudo' failed: Operation not permitted\n",
    });
  });

  it("answers bad profiles and commands as macOS does", async () => {
    const cases: [string, number, string][] = [
      ["'(version 1) bogus' /usr/bin/true", 65, "sandbox-exec: unbound variable: bogus at <input string>, line 1\n"],
      [
        "'(version 1)(deny default)' /usr/bin/true",
        71,
        "sandbox-exec: execvp() of '/usr/bin/true' failed: Operation not permitted\n",
      ],
      [
        "'(version 1)(allow default)' /usr/bin/no",
        71,
        "sandbox-exec: execvp() of '/usr/bin/no' failed: No such file or directory\n",
      ],
      ["'(version 1)(allow default)' /bin/sh -c 'exit 7'", 7, ""],
    ];
    for (const [args, code, stderr] of cases)
      expect([args, await mac.exec(`sandbox-exec -p ${args}`)]).toEqual([args, { code, stdout: "", stderr }]);
    expect((await mac.exec("sandbox-exec true")).code).toBe(64);
  });

  it("leaves no process behind, and none that holds the output open", async () => {
    const result = await runSandboxed("sleep 0.1; echo end");
    expect(result.stdout).toBe("end\n");
    await new Promise((resolve) => setTimeout(resolve, 200));
    const names = await mac.run("cat /proc/[0-9]*/comm");
    expect(names).not.toContain("sandboxd");
  });
});
