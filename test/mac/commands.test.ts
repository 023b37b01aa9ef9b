/**
 * The Mac's commands as stand-ins: which names exist in which version, which of GNU's options are refused and how, and
 * that what they do is what a Mac does. Sources of the expectations: Apple's published tools and their man pages.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, runOverSsh, type SimMac } from "./fixture.js";

const here = dirname(fileURLToPath(import.meta.url));

interface Row {
  path: string;
  kind: string;
  target: string;
  min: string;
  max: string;
}

const rows: Row[] = readFileSync(join(here, "commands", "install.tsv"), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [path = "", kind = "", target = "", min = "", max = ""] = line.split("\t");
    return { path, kind, target, min, max };
  });

/** Names that no Mac from 12 to 26 has. */
const NEVER =
  "setsid timeout flock nproc getent tac envsubst numfmt shuf factor free vmstat ss ip watch pv tmux wget telnet tree socat unshare " +
  "nsenter prlimit taskset ionice lsblk losetup blkid fallocate getfacl setfacl lsattr chattr getfattr useradd usermod groupadd " +
  "systemctl journalctl service hostnamectl xz zstd lz4 lzma";

describe("install.tsv", () => {
  it("names each path once, in five columns, and no name that a Mac never has", () => {
    const never = new Set(NEVER.split(" "));
    expect(rows.filter((row) => row.max === "" || !row.path.startsWith("/"))).toEqual([]);
    expect(new Set(rows.map((row) => row.path)).size).toBe(rows.length);
    expect(rows.filter((row) => never.has(row.path.split("/").pop() ?? ""))).toEqual([]);
  });

  it("uses every stand-in of the folder, and only those", () => {
    const files = readdirSync(join(here, "commands")).filter((file) => !["install.tsv", "README.md"].includes(file));
    const used = new Set(
      rows.filter((row) => row.kind !== "real").map((row) => (row.kind === "shim" ? "shim" : row.target)),
    );
    expect([...used].sort()).toEqual(files.sort());
  });
});

describe("the commands of simulated Macs", () => {
  let old: SimMac;
  let mac: SimMac;
  let arm: SimMac;
  beforeAll(async () => {
    [old, mac, arm] = await Promise.all([
      bootMac({ profile: "intel-12" }),
      bootMac({ profile: "intel-14", macfuse: "4.10.2" }),
      bootMac({ profile: "arm-15" }),
    ]);
  }, 400_000);
  afterAll(async () => {
    for (const one of [old, mac, arm]) await one.stop();
  });

  /** Standard output of a script in a folder of its own; fails with what it printed when it fails. */
  async function runIn(one: SimMac, script: string): Promise<string> {
    const result = await one.exec(`d=$(mktemp -d /private/tmp/t.XXXXXX) && cd "$d" || exit 99\n${script}`);
    if (result.code !== 0) throw new Error(`exit ${result.code}\n${result.stdout}\n${result.stderr}`);
    return result.stdout;
  }

  it("lack every name that no Mac has, and have newer ones only from their version on", async () => {
    const names = `${NEVER} realpath truncate lockf jq sha256sum`;
    const script = `for n in ${names}; do command -v $n >/dev/null && printf '%s ' $n; done; :`;
    expect((await old.run(script)).trim()).toBe("");
    expect((await mac.run(script)).trim()).toBe("realpath truncate");
    expect((await arm.run(script)).trim()).toBe("realpath truncate lockf jq sha256sum");
  });

  // [command, exit status, first line of stderr]; run in a folder with a file `f`
  const refused: [string, number, string][] = [
    ["stat -c %a f", 1, "stat: illegal option -- c"],
    ["readlink -e f", 1, "readlink: illegal option -- e"],
    ["ls --time-style=x", 1, "ls: unrecognized option `--time-style=x'"],
    ["cp --reflink f g", 64, "cp: illegal option -- -"],
    ["cp -u f g", 64, "cp: illegal option -- u"],
    ["cp -R -r f g", 1, "cp: the -R and -r options may not be specified together"],
    ["mv -T f g", 64, "mv: illegal option -- T"],
    ["ln -sT f g", 1, "ln: illegal option -- T"],
    ["rm --preserve-root f", 64, "rm: illegal option -- -"],
    ["mkdir --parents q", 64, "mkdir: illegal option -- -"],
    ["install -D f x", 64, "install: illegal option -- D"],
    ["touch -d yesterday f", 1, "touch: out of range or illegal time specification: YYYY-MM-DDThh:mm:SS[.frac][tz]"],
    ["chmod --reference=f f", 1, "chmod: illegal option -- -"],
    ["chown nosuchuser f", 1, "chown: nosuchuser: illegal user name"],
    ["chflags shiny f", 1, "chflags: invalid flag: shiny"],
    ["du -b f", 64, "du: invalid option -- b"],
    ["du --max-depth=1", 64, "du: unrecognized option `--max-depth=1'"],
    ["df --output", 64, "df: unrecognized option `--output'"],
    ["tar --transform s,a,b, -cf y f", 1, "tar: Option --transform is not supported"],
    ["mktemp --suffix=x", 1, "mktemp: unrecognized option `--suffix=x'"],
    ["cat -A f", 1, "cat: illegal option -- A"],
    ["head -n -1 f", 1, "head: illegal line count -- -1"],
    ["tail --pid=1 f", 1, "tail: unrecognized option `--pid=1'"],
    ["cut --complement -f1 f", 1, "cut: illegal option -- -"],
    ["sed -i s/a/b/ f", 1, 'sed: 1: "f": invalid command code f'],
    ["sed --expression=p f", 1, "sed: illegal option -- -"],
    ["grep -P a f", 2, "grep: invalid option -- P"],
    ["base64 f", 64, "base64: invalid argument f"],
    ["base64 -w0", 64, "base64: invalid option -- w"],
    ["find -name f", 1, "find: illegal option -- n"],
    ["find . -printf %p", 1, "find: -printf: unknown primary or operator"],
    ["find . -perm /111", 1, "find: -perm: /111: illegal mode string"],
    ["xargs -d , echo", 1, "xargs: invalid option -- d"],
    ["ps -o cmd -p 1", 1, "ps: cmd: keyword not found"],
    ["pgrep -c launchd", 2, "pgrep: illegal option -- c"],
    ["pkill -U nosuchuser", 2, "pkill: Unknown user `nosuchuser'"],
    ["date -d now", 1, "date: illegal option -- d"],
    ["id nosuchuser", 1, "id: nosuchuser: no such user"],
    ["hostname -I", 1, "hostname: illegal option -- I"],
    ["env --chdir=/ true", 1, "env: illegal option -- -"],
    ["sysctl -p", 1, "sysctl: illegal option -- p"],
    ["/bin/sleep 1m", 1, "usage: sleep seconds"],
    ["mount --bind a b", 64, "mount: illegal option -- -"],
    ["umount -l /dev", 1, "umount: illegal option -- l"],
    ["umount /x", 1, "umount: /x: not currently mounted"],
    ["nc -q 1 localhost 1", 1, "nc: illegal option -- q"],
    ["script -c true", 1, "script: illegal option -- c"],
    ["rsync --info=progress2 f g", 1, "rsync: --info=progress2: unknown option"],
    ["rsync -aX f g", 1, "rsync: -X: unknown option"],
    ["cp f nosuch/x", 1, "cp: nosuch/x: No such file or directory"],
    ["rm nosuch", 1, "rm: nosuch: No such file or directory"],
    ["mv nosuch g", 1, "mv: rename nosuch to g: No such file or directory"],
    ["rm -r .", 1, 'rm: "." and ".." may not be removed'],
  ];
  it("refuse GNU's options in a Mac's words and with its exit codes", async () => {
    const script = refused
      .map(([command]) => `${command} >o 2>e </dev/null; printf '%s\\t%s\\n' $? "$(head -n 1 e)"`)
      .join("\n");
    const lines = (await runIn(mac, `echo a >f\n${script}`)).trimEnd().split("\n");
    const answers = refused.map(([command], index) => {
      const [code = "", text = ""] = (lines[index] ?? "").split("\t");
      return [command, Number(code), text];
    });
    expect(answers).toEqual(refused);
  });

  it("refuse by version: readlink -f is there from 12.3, mktemp -p from 14, %N from 15.4, sysctl's status counts from 15", async () => {
    const script =
      "readlink -f /tmp; mktemp -p /tmp >/dev/null 2>&1; echo $?; date +%N | grep -c N || :; sysctl -n nosuch.a nosuch.b 2>/dev/null; echo $?";
    expect(await runIn(old, script)).toBe("/private/tmp\n1\n1\n1\n");
    expect(await runIn(arm, script)).toBe("/private/tmp\n0\n0\n2\n");
    await old.run("printf '12.0\\n' >/.sim/state/macos");
    const before = await old.exec("readlink -f /tmp");
    await old.run("printf '12.7.6\\n' >/.sim/state/macos");
    expect(before).toMatchObject({ code: 1, stderr: expect.stringMatching(/^readlink: illegal option -- f\n/) });
  });

  it("copy as a Mac's cp: a slash means contents, -r follows links, ._ twins are dropped, -p keeps times and owner", async () => {
    const script = `
      mkdir -p a/b; echo 1 >a/f; ln -s f a/l; echo x >a/._f; echo y >a/._alone
      touch -t 202001020304.05 a/f; chown 501:20 a/f; chmod 4755 a/f
      cp -R a c; cp -R a/ d; cp -r a e; cp -Rp a p; cp -cRp a k
      [ -L c/l ] && [ -e c/b ] && [ ! -e c/._f ] && [ -e c/._alone ] && echo R
      [ -f d/f ] && [ ! -e d/a ] && echo slash
      [ ! -L e/l ] && [ -f e/l ] && echo r
      for x in p k; do stat -f '%Mp%Lp %u %g %Sm' -t '%F %T' $x/f; done; stat -f '%u' c/f
      cp a z; echo $?`;
    const result = await mac.exec(`cd "$(mktemp -d /private/tmp/t.XXXXXX)"; ${script}`);
    expect(result.stdout).toBe("R\nslash\nr\n4755 501 20 2020-01-02 03:04:05\n4755 501 20 2020-01-02 03:04:05\n0\n1\n");
    expect(result.stderr).toBe("cp: a is a directory (not copied).\n");
  });

  it("keep hard links with tar and rsync -H", async () => {
    const script = `
      mkdir s; echo 1 >s/a; ln s/a s/b; mkdir t; tar -cf - -C s . | tar -xpf - -C t; rsync -aH s/ r
      for d in t r; do stat -f %l $d/a; [ "$(stat -f %i $d/a)" = "$(stat -f %i $d/b)" ] && echo same; done`;
    expect(await runIn(mac, script)).toBe("2\nsame\n2\nsame\n");
  });

  it("move a link over a link with mv -h, and keep rename across the data volume", async () => {
    const script = `
      mkdir v1 v2; ln -s v1 cur; ln -s v2 new; mv -fh new cur; readlink cur; [ -e new ] || echo gone
      ln -s v1 n2; mv n2 cur; ls v2; mkdir /Users/moved; mv /Users/moved /private/var/db/moved; [ -d /private/var/db/moved ] && echo one; rmdir /private/var/db/moved`;
    expect(await runIn(mac, script)).toBe("v2\ngone\nn2\none\n");
  });

  it("hold a file with chflags: uchg resists a user, root's rm clears it, schg stays", async () => {
    const script = `
      echo 1 >u; echo 1 >s; mkdir h; chflags uchg u; chflags schg s; chflags hidden h; stat -f '%Sf' u s h
      rm -f u; rm -f s 2>/dev/null; ls; chflags noschg s; rm -f s; ls; chflags -R nohidden .; stat -f '%Sf %f' h`;
    expect(await runIn(mac, script)).toBe("uchg\nschg\nhidden\nh\ns\nh\n- 0\n");
  });

  it("own trees as a Mac's chown: -R leaves links alone, -h changes the link itself", async () => {
    const script = `
      mkdir -p t/d; : >t/f; ln -s f t/l; chown -R 501:20 t; stat -f '%u:%g %N' t t/d t/f t/l; chown -h administrator t/l; stat -f %u t/l
      chown -R -h 0:0 t; stat -f '%u:%g' t/l t/f`;
    expect(await runIn(mac, script)).toBe("501:20 t\n501:20 t/d\n501:20 t/f\n0:0 t/l\n501\n0:0\n0:0\n");
  });

  it("print metadata with stat -f and for eval with stat -s", async () => {
    const script = `
      printf abc >f; chmod 640 f; touch -t 202001020304.05 f; ln -s f l
      stat -f '%z %Lp %Mp%Lp %Sp %HT %u %Su %m %N' f; stat -f '%N%SY|%Y|%HT' l; stat -L -f %HT l; eval "$(stat -s f)"; echo $st_size $st_mode $st_mtime`;
    expect(await runIn(mac, script)).toBe(
      "3 640 0640 -rw-r----- Regular File 0 root 1577934245 f\nl -> f|f|Symbolic Link\nRegular File\n3 0100640 1577934245\n",
    );
  });

  it("edit, count and sort text as BSD tools: sed -i '', padded wc and uniq -c, tail -r, seq counting down", async () => {
    const script = `
      printf 'b\\na\\nb\\n' >f; sed -i '' 's/a/q/' f; cat f; sed -i.bak 's/q/a/' f; cat f.bak | head -n 2 | tail -n 1
      wc -l <f; sort f | uniq -c; tail -r f | head -1; seq 3 1; printf '%s' hello | base64 | base64 -D; echo; grep -c b f; head -c 3 f; tail -c +3 f`;
    expect(await runIn(mac, script)).toBe("b\nq\nb\nq\n       3\n   1 a\n   2 b\nb\n3\n2\n1\nhello\n2\nb\naa\nb\n");
  });

  it("find and xargs: +mode, units of -mtime, names with blanks, nothing on empty input, 1 for a failed utility", async () => {
    const script = `
      mkdir 'x y'; : >'x y/f'; : >e; chmod 700 e; find . -type f -perm +111 -print; find . -type f -print0 | sort -z | xargs -0 -n 1 echo
      find . -name nosuch -print0 | xargs -0 echo never; find . -maxdepth 1 -mtime -1h -type f; echo a | xargs false; echo $?
      printf 'a b' | xargs -J % echo 1 % 2; find . -mindepth 1 -delete; ls | wc -l`;
    expect(await runIn(mac, script)).toBe("./e\n./e\n./x y/f\n./e\n1\n1 a b 2\n       0\n");
  });

  it("format and parse dates without ever setting the clock", async () => {
    const script = `
      date -u -r 0 +%FT%TZ; date -j -u -f '%Y-%m-%d %H:%M:%S' '2024-02-29 12:00:00' +%s; date -j -u -v+1m -v-1d -f %s 86400 +%F
      : >f; touch -t 202001020304.05 f; date -r f +%F; date -u -v1d -v1m -v2021y -v0H -v0M -v0S +%FT%T; date 010100002000; echo $?`;
    const result = await mac.exec(`cd "$(mktemp -d /private/tmp/t.XXXXXX)"; ${script}`);
    expect(result.stdout).toBe("1970-01-01T00:00:00Z\n1709208000\n1970-02-01\n2020-01-02\n2021-01-01T00:00:00\n1\n");
  });

  it("show processes by BSD's keys and find them by uid, pattern and parent", async () => {
    const script = `
      sudo -n -u administrator sleep 321 & wrapper=$!; i=0; until pid=$(pgrep -U 501 -f 'sleep 321'); do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.05; done
      set -- $pid; pid=$1; ps -p $pid -o pid=,uid=,user=,comm=,args= | tr -s ' '; LC_ALL=C ps -p $pid -o lstart= | awk '{print NF}'; ps -p $pid -o args; pgrep -x sleep >/dev/null && echo found
      pkill -9 -U 501; echo $?; wait $wrapper 2>/dev/null; pkill -9 -U 501; echo $?; ps -U 501 -o pid=; echo $?; ps -p $pid -o lstart=; echo $?`;
    const result = await mac.exec(script);
    const [first, ...rest] = result.stdout.trim().split("\n");
    expect(first?.trim()).toMatch(/^\d+ 501 administrator \/bin\/sleep sleep 321$/);
    expect(rest).toEqual(["5", "ARGS", "sleep 321", "found", "0", "1", "1", "1"]);
  });

  it("tell the space of the data volume by every path on it, and of the sealed system by /", async () => {
    const script = "df -Pk /Users /private/var /System/Volumes/Data / | awk 'NR > 1 {print $1, $NF, ($2 > 0)}'";
    expect(await mac.run(script)).toBe(
      "/dev/disk1s5 /System/Volumes/Data 1\n/dev/disk1s5 /System/Volumes/Data 1\n/dev/disk1s5 /System/Volumes/Data 1\n/dev/disk1s1s1 / 1\n",
    );
  });

  it("make, change and delete users with dscl so that the system knows them at once", async () => {
    const script = `
      for kv in UniqueID=705 PrimaryGroupID=20 UserShell=/bin/bash NFSHomeDirectory=/Users/mac705 'RealName=Mac 705' IsHidden=1; do dscl . -create /Users/mac705 "\${kv%%=*}" "\${kv#*=}"; done
      id mac705; dscl . -read /Users/mac705 UserShell RealName IsHidden; dscl . -create /Users/mac705 UserShell /bin/zsh; getpw() { perl -e 'print join(":", (getpwnam shift)[2,7,8]), "\\n"' mac705; }; getpw
      dscl . -list /Users UniqueID | grep -w 705 | tr -s ' '; dscl . -change /Users/mac705 UserShell /bin/zsh /bin/sh; getpw
      dseditgroup -o edit -a mac705 -t user admin; dseditgroup -o checkmember -m mac705 admin; id -Gn mac705 | tr ' ' '\\n' | grep -c '^admin$'; dscl . -read /Groups/admin GroupMembership | tr ' ' '\\n' | grep -c mac705
      dscl . -append /Groups/admin GroupMembership mac705; dscl . -read /Groups/admin GroupMembership | tr ' ' '\\n' | grep -c mac705; dseditgroup -o edit -d mac705 -t user admin
      dscl . -create /Users/mac705 RecordName mac706; id -u mac706; dscl . -delete /Users/mac706; id mac706; echo $?`;
    const result = await mac.exec(script);
    expect(result.stdout.split("\n")).toEqual([
      "uid=705(mac705) gid=20(staff) groups=20(staff),12(everyone),61(localaccounts)",
      ...["IsHidden: 1", "RealName:", " Mac 705", "UserShell: /bin/bash", "705:/Users/mac705:/bin/zsh", "mac705 705"],
      ...["705:/Users/mac705:/bin/sh", "yes mac705 is a member of admin", "1", "1", "2", "705", "1", ""],
    ]);
    expect(result.stderr).toBe("id: mac706: no such user\n");
  });

  it("change nothing when a record is set to what it is", async () => {
    const stamps = "stat -f '%Fm %Fc %i %N' /private/etc/passwd /private/etc/group /.sim/state/dslocal/users/*.json";
    await mac.run("dscl . -create /Users/same UniqueID 711; dscl . -create /Users/same UserShell /bin/sh");
    const before = await mac.run(stamps);
    await mac.run("dscl . -create /Users/same UserShell /bin/sh; dseditgroup -o edit -a administrator -t user admin");
    expect(await mac.run(stamps)).toBe(before);
    await mac.run("dscl . -delete /Users/same");
  });

  it("refuse writes to users without root, and in SSH sessions without Full Disk Access, with 40 and eDSPermissionError", async () => {
    const write = "sudo -n dscl . -create /Users/nobody NFSHomeDirectory /var/empty";
    expect(await runOverSsh(mac, write)).toMatchObject({ code: 0 });
    expect(await runOverSsh(mac, write.replace("sudo -n ", ""))).toMatchObject({ code: 40 });
    await mac.fault("no-full-disk-access");
    const refusedWrite = await runOverSsh(mac, write);
    await mac.clearFault("no-full-disk-access");
    expect(refusedWrite).toMatchObject({
      code: 40,
      stderr: "<main> attribute status: eDSPermissionError\n<dscl_cmd> DS Error: -14120 (eDSPermissionError)\n",
    });
    expect(await runOverSsh(mac, write)).toMatchObject({ code: 0 });
  });

  it("show TCC's database only to SSH sessions with Full Disk Access", async () => {
    const look = "sudo -n head -c 6 '/Library/Application Support/com.apple.TCC/TCC.db'";
    expect(await runOverSsh(mac, look)).toEqual({ code: 0, stdout: "SQLite", stderr: "" });
    await mac.fault("no-full-disk-access");
    const refused = await runOverSsh(mac, look);
    await mac.clearFault("no-full-disk-access");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/Operation not permitted$/m);
  });

  it("refuse writes of users in launchd jobs, which have no Full Disk Access of their own", async () => {
    const words = [
      "/bin/sh",
      "-c",
      "sudo -n dscl . -create /Users/nobody NFSHomeDirectory /var/empty; echo $? >/var/tmp/job.code",
    ];
    await mac.run(
      `cat >/Library/LaunchDaemons/demo.job.plist && launchctl bootstrap system /Library/LaunchDaemons/demo.job.plist
      i=0; until [ -s /var/tmp/job.code ]; do i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done`,
      {
        input: `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>Label</key><string>demo.job</string>
          <key>RunAtLoad</key><true/><key>ProgramArguments</key><array>${words
            .map((word) => `<string>${word.replaceAll("&", "&amp;").replaceAll(">", "&gt;")}</string>`)
            .join("")}</array></dict></plist>`,
      },
    );
    expect(await mac.run("cat /var/tmp/job.code")).toBe("40\n");
    await mac.run("launchctl bootout system/demo.job; rm /Library/LaunchDaemons/demo.job.plist /var/tmp/job.code");
  });

  it("fail or wait as a fault says, only for matching arguments, and also in programs that are Debian's own", async () => {
    await mac.fault("command", "dscl", 140, "UniqueID", "DS Error: -14988 (eNotYetImplemented)");
    await mac.fault("command", "sqlite3", 11);
    const failing = await mac.exec("dscl . -create /Users/x UniqueID 9");
    const passing = await mac.exec("dscl . -read /Users/root UserShell");
    const program = await mac.exec("sqlite3 :memory: 'select 1'");
    await mac.clearFault("all");
    expect(failing).toMatchObject({ code: 140, stderr: "DS Error: -14988 (eNotYetImplemented)\n" });
    expect(passing).toMatchObject({ code: 0, stdout: "UserShell: /bin/sh\n" });
    expect(program.code).toBe(11);
    expect((await mac.exec("sqlite3 :memory: 'select 1'")).stdout).toBe("1\n");
    await mac.fault("slow-command", "sw_vers", "1.5");
    const startedAt = Date.now();
    await mac.run("sw_vers -productVersion");
    const tookMs = Date.now() - startedAt;
    await mac.clearFault("all");
    expect(tookMs).toBeGreaterThanOrEqual(1500);
  });

  it("fail by faults in stand-ins written in sh, too: they source prologue.sh", async () => {
    await mac.run(
      "printf '%s\\n' '#!/bin/sh' '. /.sim/lib/prologue.sh' 'sim_state macos; sim_state nosuch none' >/usr/local/demo; chmod 755 /usr/local/demo",
    );
    await mac.fault("command", "demo", 9, "^write ", "demo: refused");
    const passing = await mac.exec("/usr/local/demo read x");
    const failing = await mac.exec("/usr/local/demo write x");
    await mac.clearFault("all");
    expect(passing).toEqual({ code: 0, stdout: "14.5\nnone\n", stderr: "" });
    expect(failing).toEqual({ code: 9, stdout: "", stderr: "demo: refused\n" });
    expect((await mac.exec("/usr/local/demo write x")).code).toBe(0);
  });

  it("show macFUSE's kext by its state: loaded, not approved, absent", async () => {
    const probe =
      "sysctl -n vfs.generic.macfuse.version.number 2>/dev/null; echo $?; kmutil showloaded --list-only 2>/dev/null | grep -c macfuse";
    expect((await mac.exec(probe)).stdout).toBe("4.10.2\n0\n1\n");
    await mac.fault("kext-not-approved");
    expect((await mac.exec(probe)).stdout).toBe("1\n0\n");
    const load = await mac.exec("kmutil load -p /Library/Filesystems/macfuse.fs/Contents/Extensions/14/macfuse.kext");
    await mac.clearFault("kext-not-approved");
    expect(load.code).toBe(27);
    expect((await arm.exec(`${probe}; pkgutil --pkgs='io\\.macfuse\\..*'; echo $?`)).stdout).toBe("1\n0\n1\n");
  });

  it("keep what sysctl sets until the next boot", async () => {
    await mac.run("sysctl vfs.generic.macfuse.tunables.admin_group=20");
    expect(await mac.run("sysctl -n vfs.generic.macfuse.tunables.admin_group")).toBe("20\n");
    await mac.reboot();
    expect(await mac.run("sysctl -n vfs.generic.macfuse.tunables.admin_group")).toBe("80\n");
  });

  it("open a dialog when a shim runs without developer tools, and none when one only looks", async () => {
    const bare = await bootMac({ profile: "intel-14", noClt: true });
    const count = "[ -e /.sim/log/dialogs ] && wc -l </.sim/log/dialogs || echo 0";
    await bare.run("command -v git; [ -x /usr/bin/git ]; xcode-select -p || [ $? -eq 2 ]");
    const quiet = await bare.run(count);
    const shim = await bare.exec("git --version");
    const loud = await bare.run(count);
    await bare.stop();
    expect([quiet.trim(), loud.trim()]).toEqual(["0", "1"]);
    expect(shim.code).toBe(1);
    expect(shim.stderr).toMatch(/^xcode-select: note: No developer tools were found, requesting install\.\n/);
  });

  it("give rsync's Apple wording by version, and -E where GNU has -X", async () => {
    const unknown = "rsync --chown=a f g 2>&1; echo $?";
    expect(await runIn(old, unknown)).toMatch(/^rsync: --chown=a: unknown option\nrsync error: .*\n1\n$/);
    expect(await runIn(arm, unknown)).toMatch(/^rsync: unrecognized option `--chown=a'\nusage: rsync .*\n1\n$/);
    expect(await runIn(arm, "echo 1 >f; mkdir g; rsync -aHqE --checksum f g/; cat g/f")).toBe("1\n");
  });
});
