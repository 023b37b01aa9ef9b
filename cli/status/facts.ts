import { STATE_DIR } from "../../host/host.js";
import { quoteWord } from "../../host/quote.js";
import { LOCK_STALE_SECONDS } from "../../builder/store/lock.js";

/** What a Mac is doing at one moment. Nothing of it is kept in a stack's state. */
export interface MacStatus {
  system: string;
  /** `15.3.1 (24D70)`; undefined when it is no Mac. */
  macos: string | undefined;
  arch: string;
  bootSession: string;
  /** Seconds since the start; undefined where the Mac doesn't say. */
  upSeconds: number | undefined;
  data: { path: string; usedKib: number; freeKib: number } | undefined;
  load: number[];
  cpuCount: number | undefined;
  /** A change is being made right now, under the Mac's lock. */
  isChanging: boolean;
  builds: BuilderHold[];
  jobs: RunningJob[];
  quarantines: { uid: number; processes: string[] }[];
  stores: { root: string; builder: string | undefined; resultCount: number }[];
}

/** Who has a builder. */
export interface BuilderHold {
  uid: number;
  who: string;
  /** Since the holder's last sign of life. */
  ageSeconds: number;
  /** False for a holder that is gone: the next build takes over. */
  isAlive: boolean;
}

export interface RunningJob {
  id: string;
  /** `lost`: neither running nor finished, as after a restart. `finished`: nobody has asked for its end yet. */
  state: "running" | "finished" | "lost";
  elapsedSeconds: number;
  /** Last line that it printed. */
  lastLine: string;
}

const LOOK = String.raw`
use strict; use warnings; use Fcntl qw(:flock); my ($state, $boot) = @ARGV; my $now = time;
sub lines { open my $f, "<", shift or return (); my @l = <$f>; chomp @l; return @l }
sub plain { my $s = shift // ""; $s =~ s/\e\[[0-9;]*[A-Za-z]//g; $s =~ s/[\x00-\x1f\x7f]/ /g; return substr $s, 0, 200 }
if (open my $f, "<", "$state/controller") { print "changing\n" unless flock $f, LOCK_SH | LOCK_NB }
for my $lock (glob "$state/locks/builder-*") {
  my ($uid) = $lock =~ /-(\d+)$/ or next; my ($token, $who, $session) = lines($lock); my @s = stat $lock or next;
  print join("|", "hold", $uid, $now - $s[9], ($session // "") eq $boot ? "same" : "other", plain($who)), "\n";
}
for my $mark (glob "$state/builders/*.quarantine") {
  my ($uid) = $mark =~ m{/(\d+)\.} or next; print join("|", "quarantine", $uid, map { plain($_) } lines($mark)), "\n";
}
for my $dir (glob "$state/jobs/*") {
  next unless -d $dir and -e "$dir/script"; my ($id) = $dir =~ m{([^/]+)$};
  my @begin = stat(-e "$dir/pid" ? "$dir/pid" : $dir); my $alive = 0;
  if (open my $f, "+<", "$dir/alive") { $alive = !flock $f, LOCK_SH | LOCK_NB }
  my @end = stat "$dir/rc"; my $is = @end ? "finished" : $alive ? "running" : "lost"; my $last = "";
  if (open my $f, "<", "$dir/output") { my $size = -s $f; seek $f, $size > 4096 ? $size - 4096 : 0, 0; local $/; my @l = grep { /\S/ } split /[\r\n]+/, <$f> // ""; $last = plain($l[-1]) }
  print join("|", "job", $id, $is, (@end ? $end[9] : $now) - ($begin[9] // $now), $last), "\n";
}
`;

/** Read-only, one exec. */
export function renderLook(storePaths: readonly string[]): string {
  const places = [`${STATE_DIR}/store`, ...storePaths].map(quoteWord).join(" ");
  return `echo "system|$(uname -s)|$(uname -m)|$(sw_vers -productVersion 2>/dev/null || :)|$(sw_vers -buildVersion 2>/dev/null || :)"
boot=$(/usr/sbin/sysctl -n kern.bootsessionuuid 2>/dev/null || cat /proc/sys/kernel/random/boot_id)
echo "boot|$boot|$(/usr/sbin/sysctl -n kern.boottime 2>/dev/null | sed -n 's/.*{ sec = \\([0-9]*\\),.*/\\1/p')|$(date +%s)"
echo "load|$(/usr/sbin/sysctl -n vm.loadavg 2>/dev/null || cat /proc/loadavg)|$(/usr/sbin/sysctl -n hw.ncpu 2>/dev/null || getconf _NPROCESSORS_ONLN)"
data=/System/Volumes/Data
[ -d $data ] || data=/
df -Pk $data | awk -v p=$data 'NR == 2 { print "data|" p "|" $(NF - 3) "|" $(NF - 2) }'
for place in ${places}; do
  for root in "$place" "$place"/*; do
    [ -d "$root/result" ] || continue
    echo "store|$root|$(cut -d ' ' -f 1 "$root/state/owner" 2>/dev/null || :)|$(find "$root/result" -mindepth 1 -maxdepth 1 | wc -l | tr -d ' ')"
  done
done
/usr/bin/perl -e ${quoteWord(LOOK)} ${STATE_DIR} "$boot"
`;
}

export function parseLook(text: string): MacStatus {
  const status: MacStatus = {
    system: "",
    macos: undefined,
    arch: "",
    bootSession: "",
    upSeconds: undefined,
    data: undefined,
    load: [],
    cpuCount: undefined,
    isChanging: false,
    builds: [],
    jobs: [],
    quarantines: [],
    stores: [],
  };
  for (const line of text.split("\n")) {
    const [kind, ...rest] = line.split("|");
    READERS[kind ?? ""]?.(status, rest);
  }
  return status;
}

type Reader = (status: MacStatus, fields: readonly string[]) => void;

const READERS: Readonly<Record<string, Reader>> = {
  system: (status, [system = "", arch = "", version = "", build = ""]) => {
    Object.assign(status, { system, arch, macos: version === "" ? undefined : `${version} (${build})` });
  },
  boot: (status, [session = "", started = "", now = ""]) => {
    status.bootSession = session;
    status.upSeconds = started === "" ? undefined : Number(now) - Number(started);
  },
  load: (status, [load = "", cpus = ""]) => {
    status.load = [...load.matchAll(/\d+[.,]\d+/g)].slice(0, 3).map(([number]) => Number(number.replace(",", ".")));
    status.cpuCount = cpus === "" ? undefined : Number(cpus);
  },
  data: (status, [path = "", used, free]) => {
    status.data = { path, usedKib: Number(used), freeKib: Number(free) };
  },
  changing: (status) => {
    status.isChanging = true;
  },
  hold: (status, [uid, age, session, ...who]) => {
    const ageSeconds = Number(age);
    const isAlive = session === "same" && ageSeconds < LOCK_STALE_SECONDS;
    status.builds.push({ uid: Number(uid), who: who.join("|"), ageSeconds, isAlive });
  },
  quarantine: (status, [uid, ...processes]) => {
    status.quarantines.push({ uid: Number(uid), processes: processes.map((text) => text.trim()) });
  },
  job: (status, [id = "", state, elapsed, ...last]) => {
    status.jobs.push({
      id,
      state: state === "running" || state === "finished" ? state : "lost",
      elapsedSeconds: Number(elapsed),
      lastLine: last.join("|"),
    });
  },
  store: (status, [root = "", builder = "", count]) => {
    if (status.stores.some((known) => known.root === root)) return;
    status.stores.push({ root, builder: builder === "" ? undefined : builder, resultCount: Number(count) });
  },
};
