import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, sshWords, type SimMac } from "./fixture.js";

/** A record as dscl leaves it, through the module that dscl uses. */
function createUser(name: string, uid: number, shell = "/bin/bash"): string {
  return `perl -I/.sim/lib -MDSLocal -e 'DSLocal::change(sub { DSLocal::write_record("users", "${name}", { RecordName => ["${name}"],
    UniqueID => ["${uid}"], PrimaryGroupID => ["20"], NFSHomeDirectory => ["/Users/${name}"], UserShell => ["${shell}"], RealName => ["Mac: ${uid}"] }) })'`;
}

describe("accounts of a simulated Mac", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac();
    await mac.run(createUser("mac705", 705));
  }, 300_000);
  afterAll(() => mac.stop());

  it("makes passwd, group and shadow from the directory records, nobody being -2", async () => {
    const passwd = await mac.run("cat /etc/passwd");
    expect(passwd).toContain("mac705:x:705:20:Mac  705:/Users/mac705:/bin/bash\n");
    expect(passwd).toMatch(/^nobody:x:4294967294:4294967294:/m);
    expect(await mac.run("cat /etc/group")).toMatch(/^wheel:\*:0:root$/m);
    expect(await mac.run("perl -e 'printf q(%04o %d), (stat q(/etc/shadow))[2, 4]'")).toBe("100600 0");
    expect(await mac.run("cat /etc/shadow")).toMatch(/^mac705:\*:/m);
  });

  it("leaves passwd alone when nothing changes, and drops a deleted user", async () => {
    const before = await mac.run("perl -e 'print +(stat q(/private/etc/passwd))[1]'");
    await mac.run(createUser("mac705", 705));
    expect(await mac.run("perl -e 'print +(stat q(/private/etc/passwd))[1]'")).toBe(before);
    await mac.run(createUser("gone", 900));
    await mac.run(
      `perl -I/.sim/lib -MDSLocal -e 'DSLocal::change(sub { DSLocal::delete_record("users", "gone") or die })'`,
    );
    expect(await mac.run("cat /etc/passwd")).not.toContain("gone");
  });

  it("makes a home with createhomedir, owned by the user", async () => {
    await mac.run("cd / && createhomedir -c -u mac705");
    expect(await mac.run("perl -e 'printf q(%o %d %d), (stat q(/Users/mac705))[2, 4, 5]'")).toBe("40750 705 20");
  });

  it("runs su -l as macOS does: words after the login go to the shell, PATH is /bin:/usr/bin, TMPDIR is gone", async () => {
    const result = await mac.exec(
      `TMPDIR=/private/tmp X=1 su -l mac705 -c 'echo "$(id -un) $PATH $HOME $SHELL \${TMPDIR-none} \${X-none} $PWD"'`,
    );
    // bash's login profile runs path_helper, which puts the system's paths in front of what su left.
    expect(result.stdout).toBe(
      "mac705 /usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin /Users/mac705 /bin/bash none none /Users/mac705\n",
    );
    expect(await mac.exec("su -c true mac705")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("su: illegal option -- c\n"),
    });
    expect(await mac.exec("su -l nosuch")).toEqual({ code: 1, stdout: "", stderr: "su: unknown login: nosuch\n" });
    await mac.run(createUser("homeless", 706));
    expect(await mac.exec("su -l homeless -c true")).toEqual({ code: 1, stdout: "", stderr: "su: no directory\n" });
  });

  it("gives each user a temporary folder of their own below /var/folders", async () => {
    const ask = (user: string) => mac.run(`sudo -n -u ${user} getconf DARWIN_USER_TEMP_DIR`);
    const [builder, administrator] = [(await ask("mac705")).trim(), (await ask("administrator")).trim()];
    expect(builder).toMatch(/^\/var\/folders\/..\/[0-9a-z_]{30,}\/T\/$/);
    expect(administrator).not.toBe(builder);
    expect(await ask("mac705")).toBe(`${builder}\n`);
    expect(await mac.run(`perl -e 'printf q(%o %d), (stat shift)[2, 4]' ${builder}`)).toBe("40700 705");
  });

  it("has getconf's values of a Mac and its refusal", async () => {
    expect(await mac.run("getconf ARG_MAX; getconf PIPE_BUF /; getconf _NPROCESSORS_ONLN")).toBe("1048576\n512\n12\n");
    expect(await mac.exec("getconf NONE")).toEqual({
      code: 64,
      stdout: "",
      stderr: "getconf: no such configuration parameter `NONE'\n",
    });
  });

  it("compiles with an OCaml prefix that looks installed", async () => {
    const other = await bootMac({ ocaml: "/opt/ocaml-4.13.1" });
    try {
      const result = await other.exec(
        `cd /private/tmp && echo 'let () = print_endline Sys.ocaml_version' >a.ml && /opt/ocaml-4.13.1/bin/ocamlopt -o a a.ml && ./a`,
      );
      expect(result).toEqual({ code: 0, stdout: "4.13.1\n", stderr: "" });
    } finally {
      await other.stop();
    }
  });

  it("takes LANG and LC_* of the SSH client, and no other variable", async () => {
    const folder = mkdtempSync(join(tmpdir(), "macfoundry-ssh-"));
    try {
      writeFileSync(join(folder, "known_hosts"), `[${mac.address}]:${mac.port} ${mac.hostKey}\n`);
      const sent = ["-o", "SetEnv=LC_TIME=de_DE.UTF-8 OTHER=1"];
      const words = [...sent, ...sshWords(mac, join(folder, "known_hosts")), "echo $LC_TIME ${OTHER-none}"];
      expect(execFileSync("ssh", words, { stdio: ["ignore", "pipe", "ignore"] }).toString()).toBe("de_DE.UTF-8 none\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("starts the shell that /private/var/select/sh names as /bin/sh", async () => {
    expect((await mac.exec('echo "${BASH_VERSION:+bash}"')).stdout).toBe("bash\n");
    await mac.run("ln -sfn /bin/dash /private/var/select/sh");
    expect((await mac.exec('echo "${BASH_VERSION:+bash}"; echo $0')).stdout).toBe("\n/bin/sh\n");
    await mac.run("ln -sfn /bin/bash /private/var/select/sh");
  });
});

describe("plutil", () => {
  let mac: SimMac;
  beforeAll(async () => {
    mac = await bootMac();
    await mac.run("cat >/private/tmp/p.plist", {
      input: `<?xml version="1.0"?>
<plist version="1.0"><dict><!-- c --><key>Label</key><string>a&amp;b</string><key>N</key><integer>7</integer>
<key>On</key><true/><key>L</key><array><string>x</string><string>y</string></array></dict></plist>`,
    });
  }, 300_000);
  afterAll(() => mac.stop());

  it("converts between XML and JSON without loss", async () => {
    const json = await mac.run("plutil -convert json -o - /private/tmp/p.plist");
    expect(JSON.parse(json)).toEqual({ Label: "a&b", N: 7, On: true, L: ["x", "y"] });
    const xml = await mac.run(
      "plutil -convert json -o /private/tmp/p.json /private/tmp/p.plist; plutil -convert xml1 -o - /private/tmp/p.json",
    );
    expect(xml).toContain("<key>Label</key>\n\t<string>a&amp;b</string>\n");
    expect(xml).toContain("<key>N</key>\n\t<integer>7</integer>\n\t<key>On</key>\n\t<true/>\n");
  });

  it("writes what another implementation reads as the same", async () => {
    const xml = await mac.run("plutil -convert xml1 -o - /private/tmp/p.plist");
    const read = execFileSync(
      "python3",
      ["-c", "import plistlib,json,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))"],
      { input: xml },
    );
    expect(JSON.parse(read.toString())).toEqual({ Label: "a&b", N: 7, On: true, L: ["x", "y"] });
  });

  it("extracts raw values and lints", async () => {
    expect(await mac.run("plutil -extract L.1 raw -o - /private/tmp/p.plist")).toBe("y\n");
    expect(await mac.exec("plutil -lint /private/tmp/p.plist")).toEqual({
      code: 0,
      stdout: "/private/tmp/p.plist: OK\n",
      stderr: "",
    });
    await mac.run("printf '<plist version=\"1.0\">\\n<dict>\\n<foo/></dict></plist>' >/private/tmp/bad.plist");
    const bad = await mac.exec("plutil -lint /private/tmp/bad.plist");
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/^\/private\/tmp\/bad\.plist: \(.* on line 3\)\n$/);
  });

  it("edits in place", async () => {
    await mac.run(
      "cp /private/tmp/p.plist /private/tmp/e.plist; plutil -replace N -integer 8 -insert New -bool YES -remove On /private/tmp/e.plist",
    );
    expect(JSON.parse(await mac.run("plutil -convert json -o - /private/tmp/e.plist"))).toEqual({
      Label: "a&b",
      N: 8,
      New: true,
      L: ["x", "y"],
    });
  });
});
