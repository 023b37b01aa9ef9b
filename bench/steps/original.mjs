// What OBuilder up to 0.5.1 runs on a Mac, command for command: its rsync store and its macOS sandbox, which copies the
// tree three more times for each step. Here without its own program: only the commands that move files are timed.

const HEAD = `set -e
now() { /usr/bin/perl -MTime::HiRes=time -e 'printf "%.3f", time'; }
since() { /usr/bin/perl -MTime::HiRes=time -e 'printf "%.3f", time - shift' "$1"; }
home=/Users/mac705
`;

/** Prints `base-kib N`, then `step SECONDS` for each step. */
export function renderOriginal(mode, steps) {
  const success =
    mode === "copy" ? 'mv "$t" "$r"' : 'mkdir "$r"; rsync -aHq --checksum "--link-dest=$p" "$t/" "$r"; rm -r "$t"';
  return `${HEAD}
store=/var/db/bench-original
rm -rf $store; mkdir -p $store/result/base $store/result-tmp /tmp/obuilder-empty
rsync -aHq $home/ $store/result/base/rootfs
sync; echo "base-kib $(du -sk $store | cut -f 1)"
n=0; p=$store/result/base
while [ $n -lt ${steps} ]; do
  begin=$(now)
  t=$store/result-tmp/$n; r=$store/result/$n
  mkdir "$t"; rsync -aHq "$p/" "$t"; rm -f "$t/log"; : >"$t/log"
  rsync -aHq --delete /tmp/obuilder-empty/ $home/; rsync -aHq "$t/rootfs/" $home
  sudo su -l mac705 -c "echo $n >again-$n"
  rsync -aHq --delete $home/ "$t/rootfs"
  ${success}
  echo "step $(since "$begin")"
  p=$r; n=$((n + 1))
done
`;
}

/** Prints `reflink SECONDS` and `walk SECONDS` for the tree in the home. \`cp -c\` of the simulated Mac makes reflinks. */
export function renderLimits() {
  return `${HEAD}
/usr/bin/perl -e 'sub walk { my $d = shift; opendir my $h, $d or return; for (grep { $_ ne "." and $_ ne ".." } readdir $h) { lstat "$d/$_"; walk("$d/$_") if -d _ and !-l _ } } walk(shift)' $home
begin=$(now)
/usr/bin/perl -e 'sub walk { my $d = shift; opendir my $h, $d or return; for (grep { $_ ne "." and $_ ne ".." } readdir $h) { lstat "$d/$_"; walk("$d/$_") if -d _ and !-l _ } } walk(shift)' $home
echo "walk $(since "$begin")"
begin=$(now); cp -c -R -p $home /Users/bench-copy; echo "reflink $(since "$begin")"
rm -rf /Users/bench-copy
`;
}
