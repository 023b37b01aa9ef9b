/**
 * Functions around the builder's two trees. Results have OBuilder's shape: the home, with the prefix's tree at
 * `rootfs/local`. In the home itself `local` is a link to the prefix, so that `~/local/bin/x` means the same in both.
 */
export const TREES_SHELL = String.raw`
fault() { printf 'fault %s %s\n' "$1" "$2" >&3; exit 70; }

# Things in the prefix that the builder does not own: macfoundry never removes them, and the sandbox keeps steps away.
foreign_below() { find "$1" -xdev ! -user "$uid" -print 2>/dev/null | head -n 5 | tr '\n' ' '; }

# What was there before the first build is nobody's leftover of ours: it moves away, on the same volume, and stays.
set_aside() { # folder, then "all" or "foreign"
  aside="/var/db/macfoundry/set-aside/$(printf %s "$1" | tr / _).$(date +%s)"
  find "$1" -xdev -mindepth 1 -maxdepth 1 -print >"$MACFOUNDRY_JOB/aside"
  while IFS= read -r child; do
    if [ "$2" = all ] || [ -n "$(foreign_below "$child")" ]; then
      mkdir -p "$aside"
      mv "$child" "$aside/"
    fi
  done <"$MACFOUNDRY_JOB/aside"
  [ ! -d "$aside" ] || printf 'note %s\n' "set aside in $aside: what was in $1 before" >&3
}

# Before the trees are written for the first time; the mark says that they are ours since then.
claim_trees() {
  mark=/var/db/macfoundry/builders/$uid.trees
  mkdir -p "$(dirname "$mark")"
  if [ ! -e "$mark" ]; then
    [ ! -d "$home" ] || set_aside "$home" all
    if [ -n "$prefix" ] && [ -d "$prefix" ] && [ -n "$(find "$prefix" -mindepth 1 -print 2>/dev/null | head -n 1)" ]; then
      [ "$adopt" = yes ] || fault NOT_OWNED "$prefix is not empty, and no build of ours filled it: $(find "$prefix" -mindepth 1 -maxdepth 1 | head -n 5 | tr '\n' ' ')"
      set_aside "$prefix" all
    fi
    printf '%s\n%s\n' "$home" "$prefix" | write_file "$mark"
  fi
  [ -n "$prefix" ] || return 0
  [ -d "$prefix" ] || mkdir -p "$prefix"
  found=$(find "$prefix" -xdev -mindepth 1 ! -user "$uid" -print 2>/dev/null | head -n 5 | tr '\n' ' ')
  if [ -n "$found" ]; then
    [ "$adopt" = yes ] || fault NOT_OWNED "$prefix holds what builder $user does not own: $found"
    set_aside "$prefix" foreign
  fi
  [ "$(owner_of "$prefix")" = "$uid" ] && return 0
  # macOS lets nobody change the owner of /usr/local itself: there the folders that Homebrew uses are made in it.
  chown "$uid:$gid" "$prefix" 2>/dev/null && return 0
  for name in Caskroom Cellar Frameworks Homebrew bin etc include lib opt sbin share var; do
    [ -d "$prefix/$name" ] || { mkdir "$prefix/$name" && chown "$uid:$gid" "$prefix/$name"; }
  done
}

link_local() {
  [ -n "$prefix" ] || return 0
  [ "$(readlink "$home/local" 2>/dev/null)" = "$prefix" ] && return 0
  discard "$home/local"
  ln -s "$prefix" "$home/local"
  chown -h "$uid:$gid" "$home/local"
}

# A step that put something else at ~/local would lose it in the result: said, not hidden.
check_local() {
  [ -n "$prefix" ] || return 0
  [ "$(readlink "$home/local" 2>/dev/null)" = "$prefix" ] ||
    fault STEP_FAILED "the step replaced $home/local, which stands for $prefix in results; write to $prefix instead"
}

set_home_owner() { chown "$uid:$gid" "$home"; chmod 0700 "$home"; }
`;

/** Makes the prefix's children those of a result: arguments source, prefix, trash. /usr/local itself cannot be replaced. */
export const PREFIX_SYNC = `
use strict; use warnings;
my ($src, $dst, $trash, @rsync) = @ARGV;
sub names { my ($dir) = @_; opendir my $d, $dir or return (); return sort grep { $_ ne "." and $_ ne ".." } readdir $d }
my %wanted = map { $_ => 1 } names($src);
for my $name (grep { !$wanted{$_} } names($dst)) {
  mkdir $trash; my $to = "$trash/" . time . ".$$.$name";
  rename "$dst/$name", $to or system("/bin/rm", "-rf", "$dst/$name") == 0 or die "$dst/$name: $!\\n";
}
# A child that changed between file and folder is in rsync's way.
for my $name (keys %wanted) {
  my ($s, $d) = map { -l $_ ? "l" : -d _ ? "d" : -e _ ? "f" : "" } "$src/$name", "$dst/$name";
  if ($d ne "" and $s ne $d) { mkdir $trash; rename "$dst/$name", "$trash/" . time . ".$$.$name" or system("/bin/rm", "-rf", "$dst/$name"); }
}
exit 0 unless %wanted;
chdir $src or die "$src: $!\\n";
system(@rsync, (map { "./$_" } sort keys %wanted), "$dst/") == 0 or die "rsync of $dst ended with " . ($? >> 8) . "\\n";
`;
