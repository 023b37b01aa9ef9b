/** Functions of a build's jobs: the sandbox, the reaper, secrets, caches, and cleaning between builds. */
export const BUILD_SHELL = String.raw`
now() { /usr/bin/perl -MTime::HiRes=time -e 'printf "%.3f", time'; }
spent() { printf 'seconds %s %s\n' "$1" "$(/usr/bin/perl -MTime::HiRes=time -e 'printf "%.3f", time - shift' "$2")" >&3; }
record_result() {
  /usr/bin/perl -e 'my ($lib, $dir) = @ARGV; do $lib or die "$lib: $@$!\n"; my ($shape, $kib) = shape($dir); print "shape $shape\nkib $kib\n"' "$MACFOUNDRY_JOB/tree_perl" "$store/result/$id/rootfs" >&3
  { printf 'parent %s\n' "$1"; grep -E '^(seconds|kib|shape) ' "$MACFOUNDRY_JOB/report"; } | write_file "$store/state/steps/$id"
}

keep_failed() {
  mkdir -p "$store/state/failed"
  cp "$MACFOUNDRY_JOB/output" "$store/state/failed/$id" || :
}

processes_of_builder() { ps -axo pid=,uid=,ruid=,state=,args= | awk -v u="$uid" '($2 == u || $3 == u) && $4 !~ /^Z/'; }

# Nothing of the builder outlives a step: detached daemons and launchd's user jobs neither.
reap() {
  n=0
  while :; do
    # launchd starts a user's jobs again as long as their domain is there.
    [ ! -x /bin/launchctl ] || [ $((n % 10)) -ne 0 ] || /bin/launchctl bootout "user/$uid" >/dev/null 2>&1 || :
    left=$(processes_of_builder)
    [ -n "$left" ] || break
    pkill -9 -U "$uid" || :
    pkill -9 -u "$uid" || :
    n=$((n + 1))
    if [ $n -ge 100 ]; then
      printf '%s\n' "$left" | head -n 10 | sed 's/^ */survivor /' >&3
      printf '%s\n' "$left" | write_file "/var/db/macfoundry/builders/$uid.quarantine"
      fault NEEDS_HUMAN "processes of builder $user are left after kill -9 for 10 s"
    fi
    sleep 0.1
  done
  rm -f "/var/db/macfoundry/builders/$uid.quarantine"
}

# What a builder can leave outside its trees, between builds.
tidy() {
  for folder in "$tmp_dir" "$(dirname "$tmp_dir")/C"; do
    case $folder in */T | */T/ | */C) [ ! -d "$folder" ] || find "$folder" -xdev -mindepth 1 -user "$uid" -prune -exec rm -rf {} + ;; esac
  done
  for folder in /private/tmp /private/var/tmp /tmp /var/tmp /Users/Shared; do
    [ -d "$folder" ] && [ ! -L "$folder" ] || continue
    find "$folder" -xdev -mindepth 1 -user "$uid" -prune -exec rm -rf {} +
  done
  ! command -v crontab >/dev/null 2>&1 || crontab -u "$user" -r >/dev/null 2>&1 || :
}

# Becomes the builder for good, with a new environment: home, groups and ids first, then the words.
become_builder() { # names and values of the environment, --, words
  /usr/bin/perl -MPOSIX=setuid -e 'my ($u, $g, $groups, $home) = splice @ARGV, 0, 4; my %env; while (@ARGV and $ARGV[0] ne "--") { my ($k, $v) = split /=/, shift, 2; $env{$k} = $v } shift;
    my @groups = grep { $_ != $g } split " ", $groups; splice @groups, 15; $( = $g; $) = join " ", $g, $g, @groups; setuid($u); die "cannot become uid $u\n" unless $< == $u and $> == $u;
    %ENV = %env; chdir $home or die "$home: $!\n"; exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n"' "$uid" "$gid" "$(id -G "$user")" "$home" "$@"
}

# Without a login shell and its files: root never writes through links that a step may have left.
as_builder() { become_builder PATH=/usr/bin:/bin:/usr/sbin:/sbin "HOME=$home" LC_ALL=C -- "$@"; }

# Only macOS has a sandbox; on another system steps run without (docs/builds.md, "The sandbox").
sandboxed_as_builder() {
  if [ "$(uname -s)" = Darwin ]; then as_builder /usr/bin/sandbox-exec -f "$sandbox_profile" "$@"; else as_builder "$@"; fi
}

# What su -l does: the user's own shell as a login shell, and nothing in its environment but these.
start_step() { # text or hex, then the shell's words
  shell=$(/usr/bin/perl -e 'print +(getpwuid shift)[8] || "/bin/sh"' "$uid")
  set -- /usr/bin/perl -e 'my ($mode, @words) = @ARGV; @words = map { $_ eq "-" ? "" : pack "H*", $_ } @words if $mode eq "hex"; exec { $ENV{SHELL} } $ENV{SHELL}, "-l", "-c", "--", @words or die "$ENV{SHELL}: $!\n"' "$@"
  [ "$(uname -s)" != Darwin ] || set -- /usr/bin/sandbox-exec -f "$sandbox_profile" "$@"
  become_builder PATH=/bin:/usr/bin "HOME=$home" "USER=$user" "LOGNAME=$user" "SHELL=$shell" -- "$@"
}

# From another result: root reads it, the builder writes.
copy_between() { # packer, tree, unpacker
  rm -f "$MACFOUNDRY_JOB/packed"
  { /usr/bin/perl -e "$1" "$2" && : >"$MACFOUNDRY_JOB/packed"; } | sandboxed_as_builder /usr/bin/perl -e "$3" || return
  [ -e "$MACFOUNDRY_JOB/packed" ]
}

# The folder that a path lies in, made if need be, as the system sees it: it must be the builder's own.
own_parent() {
  as_builder /bin/sh -c 'umask 022; mkdir -p "$1"' mkdir "$(dirname "$1")" || fault STEP_FAILED "$(dirname "$1") cannot be made"
  real=$(cd "$(dirname "$1")" && pwd -P)
  for tree in "$home" "$prefix"; do
    [ -n "$tree" ] || continue
    tree=$(cd "$tree" && pwd -P)
    case $real/ in "$tree"/*) return 0 ;; esac
  done
  fault STEP_FAILED "$1 leads to $real, out of the builder's home and prefix"
}

# Secrets are files that the builder alone reads, and only while the command runs.
place_secret() {
  as_builder /bin/sh -c 'umask 022; mkdir -p "$2" || exit; umask 077
    if [ -e "$1" ] || [ -L "$1" ]; then mv "$1" "$1.macfoundry-under" || exit; fi
    cat >"$1" && chmod 0400 "$1"' secret "$2" "$(dirname "$2")" <"$MACFOUNDRY_JOB/secrets/$1" || fault STEP_FAILED "the secret file $2 cannot be made"
  rm -f "$MACFOUNDRY_JOB/secrets/$1"
}
remove_secret() {
  as_builder /bin/sh -c 'rm -f "$1"; if [ -e "$1.macfoundry-under" ] || [ -L "$1.macfoundry-under" ]; then mv "$1.macfoundry-under" "$1"; exit; fi
    [ ! -e "$1" ] && [ ! -L "$1" ]' secret "$1" || fault STEP_FAILED "the secret file $1 cannot be removed again"
}

# A cache is cloned into its place in the builder's tree, and taken out again before the tree is kept.
enter_cache() { # name, target
  clone=$store/cache-tmp/0-$1
  discard "$clone"
  discard "$store/cache-tmp/under-$1"
  [ -d "$store/cache/$1" ] || { mkdir "$store/cache/$1"; chown "$uid:$gid" "$store/cache/$1"; }
  engine_copy "$store/cache/$1" "$clone"
  chown "$uid:$gid" "$clone"
  own_parent "$2"
  if [ -e "$2" ] || [ -L "$2" ]; then mv "$2" "$store/cache-tmp/under-$1"; fi
  mv "$clone" "$2"
}
leave_cache() { # name, target
  own_parent "$2"
  clone=$store/cache-tmp/0-$1
  if [ -d "$2" ] && [ ! -L "$2" ]; then
    mv "$2" "$clone"
    discard "$store/cache/$1"
    rename "$clone" "$store/cache/$1"
  fi
  if [ -e "$store/cache-tmp/under-$1" ] || [ -L "$store/cache-tmp/under-$1" ]; then
    discard "$2"
    mv "$store/cache-tmp/under-$1" "$2"
  else
    # A mount leaves its mount point behind.
    [ -e "$2" ] || as_builder /bin/mkdir "$2"
  fi
}
`;

/**
 * The crash test's: every moment before a command has a number, and one of them is where everything dies. Only in scripts
 * of a build that was given a `crashDir`.
 */
export const CRASH_SHELL = String.raw`
at() {
  printf '%s\n' "$1" >>"$crash/record"
  [ "$(wc -l <"$crash/record" | tr -d ' ')" = "$(cat "$crash/kill" 2>/dev/null)" ] || return 0
  rm -f "$crash/kill"
  kill -9 "$(cat "$MACFOUNDRY_JOB/pid")" $$
}
`;
