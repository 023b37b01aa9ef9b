import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Host } from "../../host/host.js";
import { LocalTransport } from "./local-transport.js";

const KEEPER = `
set -eu
root=$1 size=$2
if [ "$3" = xfs ]; then
  truncate -s "$size" "$root.img"
  mkfs.xfs -q -m reflink=1 "$root.img"
  mount -o loop "$root.img" "$root"
  rm "$root.img"
  chmod 755 "$root"
else
  mount -t tmpfs -o "size=$size,mode=755" scratch "$root"
fi
cd "$root"
mkdir -p usr etc proc dev var/db var/tmp tmp root home Users/Shared opt run sys Library
chmod 1777 tmp var/tmp Users/Shared
chmod 0700 root
cp -a /etc/. etc/
for name in bin sbin lib lib64 lib32; do [ -L "/$name" ] && cp -P "/$name" "$name" || :; done
ln -s ../tmp var/private-tmp
mount --rbind /usr usr
mount --rbind /dev dev
mount -t proc proc proc
# The first process of a process namespace inherits orphans and must let them go.
exec chroot "$root" /usr/bin/perl -e '$SIG{CHLD} = "IGNORE"; $| = 1; print "ready\\n"; sleep 86400'
`;

/**
 * A root folder of its own on a tmpfs, with its own users, processes and /var/db, /Users, /opt: what runs as root on a
 * Mac runs here for real and reaches nothing of this machine. No macOS in it: that is the simulated Mac's part.
 */
export class ScratchRoot {
  private constructor(
    readonly path: string,
    private readonly keeper: ChildProcess,
    private readonly pid: number,
  ) {}

  /** `xfs` is a volume that can clone files; the default is a tmpfs, which is quicker and cannot. */
  static async open(sizeMb = 2048, volume: "tmpfs" | "xfs" = "tmpfs"): Promise<ScratchRoot> {
    const path = mkdtempSync(join(tmpdir(), "mf-root-"));
    const words = [
      "--mount",
      "--pid",
      "--fork",
      "--kill-child",
      "--propagation",
      "private",
      "/bin/sh",
      "-c",
      KEEPER,
      "keeper",
      path,
      `${sizeMb}m`,
      volume,
    ];
    const keeper = spawn("unshare", words, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise<void>((resolve, reject) => {
      keeper.stdout.once("data", () => resolve());
      keeper.once("exit", (code) => reject(new Error(`unshare ended with ${code}`)));
    });
    const pid = Number(
      execFileSync("pgrep", ["-P", String(keeper.pid)])
        .toString()
        .trim(),
    );
    return new ScratchRoot(path, keeper, pid);
  }

  /** Where this machine sees a path of it. */
  outside(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  get prefix(): string[] {
    return ["nsenter", "-t", String(this.pid), "-m", "-p", "-r", "-w", "--"];
  }

  host(): { host: Host; transport: LocalTransport } {
    const transport = new LocalTransport(this.prefix);
    return {
      host: new Host({ name: "here", address: "-", port: 0, user: "root", hostKey: "-" }, transport),
      transport,
    };
  }

  /** Runs shell text as root in it; raises on an exit code other than 0. */
  sh(script: string): string {
    return this.run(["/bin/bash", "-c", script]);
  }

  run(command: readonly string[]): string {
    const [program = "", ...words] = [...this.prefix, ...command];
    return execFileSync(program, words, { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] }).toString();
  }

  addUser(name: string, uid: number, home: string): void {
    this.sh(
      `useradd -m -d ${home} -u ${uid} -s /bin/bash ${name} && rm -f ${home}/.bashrc ${home}/.profile ${home}/.bash_logout && chmod 0700 ${home}`,
    );
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.keeper.once("exit", resolve));
    this.keeper.kill("SIGKILL");
    await ended;
    rmdirSync(this.path);
  }
}
