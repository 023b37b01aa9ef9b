import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { renderZfsShell } from "../../../builder/store/zfs.js";

jest.setTimeout(300_000);

/** Debian's zfs-fuse is an old ZFS, but a real one: datasets, clones and snapshots that hold files. */
const hasZfsFuse = existsSync("/usr/sbin/zfs-fuse") && existsSync("/dev/fuse");

(hasZfsFuse ? describe : describe.skip)("the same on a real pool (zfs-fuse)", () => {
  it("publishes home and prefix, starts from them, keeps each step, forgets a failed one, and replaces a base in use", () => {
    const folder = mkdtempSync(join(tmpdir(), "mf-pool-"));
    const script = `set -eu
mount -t tmpfs mnt /mnt
for folder in /run/zfs /etc/zfs /var/lib/zfs /var/lock/zfs; do mkdir -p $folder; mount -t tmpfs zfs $folder; done
truncate -s 192M "$image"
zfs-fuse --no-daemon >/dev/null 2>&1 &
n=0; until [ -S /run/zfs/zfs_socket ] || [ $n -ge 100 ]; do n=$((n + 1)); sleep 0.1; done
zpool create -f -m /mnt/pool tank "$image" 2>/dev/null
mkdir -p /mnt/tree/local/bin /mnt/tree/src; echo tool >/mnt/tree/local/bin/tool; echo one >/mnt/tree/src/file; ln /mnt/tree/src/file /mnt/tree/src/twin
home=/mnt/home prefix=/mnt/prefix uid=65533 gid=65533; mkdir $home $prefix
${renderZfsShell("tank")}
zfs_probe; zfs_open
zfs_publish tools /mnt/tree /mnt/tree/local
zfs_base aaaa tools
zfs_begin bbbb aaaa
cat $home/src/file $prefix/bin/tool; stat -c %h $home/src/file; ls $home
echo two >$home/src/more; echo new >$prefix/bin/new
zfs_leave bbbb; zfs_save bbbb
echo "home empty: $(ls $home | wc -l)"
zfs_begin cccc bbbb; echo lost >$home/src/lost; zfs_abort cccc
zfs_begin dddd bbbb; ls $home/src $prefix/bin; zfs_leave dddd; zfs_save dddd
zfs_has bbbb && echo has b; zfs_has cccc || echo no c
echo changed >/mnt/tree/src/file; zfs_publish tools /mnt/tree /mnt/tree/local | sed 's/-[0-9]*$/-DATE/'
zfs_base eeee tools; zfs_begin ffff eeee; cat $home/src/file; zfs_leave ffff; zfs_save ffff
zfs list -H -o name -t filesystem | grep -c '^tank/base-image/tools\\.old'
zfs_delete dddd; zfs_has dddd || echo no d
zpool destroy -f tank
`;
    const words = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
    const printed = execFileSync("timeout", ["240", "unshare", ...words, "/bin/sh", "-c", script], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", image: join(folder, "pool") },
      stdio: ["ignore", "pipe", "pipe"],
    }).toString();
    rmSync(folder, { recursive: true });
    expect(printed.trimEnd().split("\n")).toEqual([
      "one",
      "tool",
      "2",
      "src",
      "home empty: 0",
      "/mnt/home/src:",
      "file",
      "more",
      "twin",
      "",
      "/mnt/prefix/bin:",
      "new",
      "tool",
      "has b",
      "no c",
      "kept tank/base-image/tools.old-DATE",
      "changed",
      "3",
      "no d",
    ]);
  });
});
