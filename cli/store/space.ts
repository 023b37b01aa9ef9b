import type { Host } from "../../host/host.js";
import { quoteWord, quoteWords } from "../../host/quote.js";

const HOUR_MS = 3_600_000;

/**
 * Prints, for each name in order, how many KiB are free once it and all before it are gone: blocks of files that have no
 * other name left. Blocks that copy-on-write clones share cannot be seen from a program, so for them it is the most.
 */
const FREED = String.raw`
use strict; use warnings; my ($root, @names) = @ARGV; my (%seen, $blocks); $blocks = 0;
for my $name (@names) {
  my @todo = ("$root/$name");
  while (defined(my $path = pop @todo)) {
    my @s = lstat $path or next;
    if (-d _) { $blocks += $s[12]; if (opendir my $d, $path) { push @todo, map { "$path/$_" } grep { $_ ne "." and $_ ne ".." } readdir $d } }
    elsif ($s[3] <= 1 or ++$seen{"$s[0] $s[1]"} == $s[3]) { $blocks += $s[12] }
  }
  print "$name ", int($blocks / 2), "\n";
}
`;

/** KiB that are free once the names below `root` are gone, after each of them. */
export async function measureFreed(host: Host, root: string, names: readonly string[]): Promise<number[]> {
  if (names.length === 0) return [];
  const text = await host.read(`/usr/bin/perl -e ${quoteWord(FREED)} ${quoteWords([root, ...names])}`, {
    timeoutMs: HOUR_MS,
  });
  return text
    .trimEnd()
    .split("\n")
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
}

/**
 * Removes what lies in a store's trash and waits for it, so that what is said to be free is; false when it takes longer
 * than that, and then goes on in the background. Not under the Mac's lock: it may take an hour.
 */
export async function emptyTrash(host: Host, root: string, seconds: number): Promise<boolean> {
  const text = await host.read(
    `cd ${quoteWord(root)}
[ -d trash ] || { echo empty; exit 0; }
( trap '' HUP; cd trash; chflags -R nouchg,noschg . || :; chmod -RN . || :; rm -rf ./* ./.[!.]* || : ) </dev/null >/dev/null 2>&1 &
n=0
while [ -n "$(ls -A trash)" ] && [ $n -lt ${seconds * 5} ]; do n=$((n + 1)); sleep 0.2; done
[ -n "$(ls -A trash)" ] || echo empty`,
    { timeoutMs: (seconds + 60) * 1000 },
  );
  return text.trim() === "empty";
}

export interface VolumeSpace {
  usedKib: number;
  freeKib: number;
  /** OBuilder's: `100 − 100·used/(used + available)`. */
  freePercent: number;
}

export async function measureVolume(host: Host, path: string): Promise<VolumeSpace> {
  const text = await host.read(`df -Pk ${quoteWord(path)} | awk 'NR == 2 { print $(NF - 3), $(NF - 2) }'`);
  const [usedKib = NaN, freeKib = NaN] = text.trim().split(" ").map(Number);
  return { usedKib, freeKib, freePercent: 100 - (100 * usedKib) / (usedKib + freeKib) };
}
