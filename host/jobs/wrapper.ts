/**
 * The program of every job. It runs as root under launchd, becomes the job's user only in the child that executes the
 * script, and leaves the child's end in `rc` by a rename, so that a reader sees all of it or nothing.
 * Arguments: the job's folder, then optionally the user that runs the script.
 *
 * The lock on `alive` says that the job runs: the kernel lets it go at the wrapper's death, also by kill -9 or a
 * reboot, and unlike a process id it is never somebody else's. Children don't inherit it (close-on-exec).
 */
export const JOB_WRAPPER = `
use strict; use warnings; use POSIX (); use Fcntl qw(:flock);
my ($dir, $user) = @ARGV;
umask 077;
chdir $dir or die "$dir: $!\\n";
open my $alive, ">>", "alive" or die "alive: $!\\n";
flock $alive, LOCK_EX | LOCK_NB or exit 0;
exit 0 if -e "rc";
sub store { my ($name, $text) = @_; open my $f, ">", "$name.new" or return 0; (print $f $text and close $f) or return 0; return rename "$name.new", $name; }
# Room for the exit status is taken now: a step that fills the disk must still be able to say how it ended.
open my $room, ">", "rc.new" or die "rc.new: $!\\n"; print $room " " x 64; close $room or die "rc.new: $!\\n";
store("pid", "$$\\n") or die "pid: $!\\n";
open STDIN, "<", (-e "input" ? "input" : "/dev/null") or die "input: $!\\n";
open STDOUT, ">>", "output" or die "output: $!\\n";
open STDERR, ">&", \\*STDOUT or die "output: $!\\n";
my $child = fork; defined $child or die "fork: $!\\n";
if ($child == 0) {
  my %env = (PATH => "/usr/bin:/bin:/usr/sbin:/sbin", LC_ALL => "C", HOME => (getpwuid 0)[7], USER => "root", LOGNAME => "root", SHELL => "/bin/sh", MACFOUNDRY_JOB => $dir);
  umask 022;
  if (defined $user and length $user) {
    my ($name, undef, $uid, $gid, undef, undef, undef, $home, $shell) = getpwnam $user or die "no such user: $user\\n";
    die "$user is root\\n" if $uid == 0;
    @env{qw(HOME USER LOGNAME SHELL)} = ($home, $name, $name, $shell);
    delete $env{MACFOUNDRY_JOB};
    # The user may read the script and nothing else of the job's folder.
    chown $uid, $gid, "script" or die "script: $!\\n"; chmod 0400, "script"; chmod 0711, "..", ".";
    chdir $home or die "$home: $!\\n";
    $( = $gid; $) = "$gid $gid"; POSIX::setuid($uid);
    die "cannot become $user\\n" unless $< == $uid and $> == $uid and $( + 0 == $gid;
  } else { chdir "/"; }
  %ENV = %env;
  exec "/bin/sh", "$dir/script" or die "/bin/sh: $!\\n";
}
my $end; do { $end = waitpid $child, 0 } while $end == -1 and $!{EINTR};
my $rc = $? & 127 ? 128 + ($? & 127) : $? >> 8;
for (1 .. 600) {
  if (open my $f, "+<", "rc.new") { if (syswrite $f, sprintf("%-63d\\n", $rc)) { close $f and rename("rc.new", "rc") and exit 0; } }
  select undef, undef, undef, 0.5;
}
`;

/**
 * Follows a job's output from a byte offset over one exec, and ends with it. Arguments: folder, offset, seconds after
 * which it returns though the job goes on, and the builder's lock with its token to be kept fresh ("" for none).
 * Standard output is the job's output and nothing else; the end is told on standard error: `rc N`, then the report.
 * Exit: 0 finished, 3 neither running nor finished, 4 no such job, 5 still running.
 */
export const JOB_FOLLOWER = `
use strict; use warnings; use Fcntl qw(:flock); use IO::Poll qw(POLLERR POLLHUP POLLNVAL);
my ($dir, $offset, $seconds, $lock, $token) = @ARGV;
exit 4 unless -d $dir;
my $until = time + $seconds; my $parent = getppid; my $beat = 0; my $out;
sub copy_output {
  unless ($out) { open $out, "<", "$dir/output" or do { undef $out; return 0 }; sysseek $out, $offset, 0; }
  my $copied = 0;
  while ((my $n = sysread $out, my $data, 65536) // 0) {
    my $done = 0;
    while ($done < $n) { my $w = syswrite STDOUT, $data, $n - $done, $done; defined $w or exit 1; $done += $w; }
    $copied += $n; last if $copied >= 1 << 22;
  }
  return $copied;
}
sub is_alive { open my $f, "+<", "$dir/alive" or return 0; return !flock($f, LOCK_SH | LOCK_NB); }
sub finish {
  1 while copy_output();
  open my $f, "<", "$dir/rc" or exit 3; my $rc = <$f>; print STDERR "rc ", $rc + 0, "\\n";
  if (open my $r, "<", "$dir/report") { read $r, my $text, 65536; print STDERR $text; }
  exit 0;
}
my $poll = IO::Poll->new; $poll->mask(\\*STDOUT => POLLERR | POLLHUP);
my $pause = 0.02;
while (1) {
  if ($lock ne "" and time - $beat >= 3) {
    $beat = time;
    if (open my $f, "<", $lock) { my $owner = <$f> // ""; chomp $owner; utime undef, undef, $lock if $owner eq $token; }
  }
  my $copied = copy_output();
  finish() if -e "$dir/rc";
  unless (is_alive()) { select undef, undef, undef, 0.3; finish() if -e "$dir/rc"; exit 3; }
  exit 5 if time >= $until;
  $pause = $copied ? 0.02 : $pause < 0.25 ? $pause * 1.5 : 0.25;
  # A connection that was cut shows as an error on the pipe, or by another parent: don't stay behind for hours.
  exit 1 if $poll->poll($copied ? 0 : $pause) > 0 and $poll->events(\\*STDOUT) & (POLLERR | POLLHUP | POLLNVAL);
  exit 1 if getppid != $parent;
}
`;

/**
 * Ends a job and everything below it. Arguments: folder, launchd label, seconds allowed, uid whose processes all have
 * to go ("" for none). Prints a line `survivor PID ARGS` for whatever is still there at the deadline; exit 0 or 1.
 */
export const JOB_KILLER = `
use strict; use warnings; use Fcntl qw(:flock);
my ($dir, $label, $seconds, $uid) = @ARGV;
my $until = time + $seconds;
sub processes { map { /^\\s*(\\d+)\\s+(\\d+)\\s+(-?\\d+)\\s+(-?\\d+)\\s+(\\S+)\\s+(.*)/ ? { pid => $1, ppid => $2, uid => $3, ruid => $4, state => $5, args => $6 } : () } \`/bin/ps -axo pid=,ppid=,uid=,ruid=,state=,args=\` }
my %tree; my $root = "";
if (open my $f, "<", "$dir/pid") { $root = <$f> // ""; $root =~ s/\\D//g; }
my $is_ours = 0;
if (open my $f, "+<", "$dir/alive") { $is_ours = !flock($f, LOCK_SH | LOCK_NB); }
$tree{$root} = 1 if $root ne "" and $is_ours;
sub grow { my @all = processes(); my $more = 1; while ($more) { $more = 0; for (@all) { if ($tree{$_->{ppid}} and !$tree{$_->{pid}}) { $tree{$_->{pid}} = $more = 1; } } } return @all; }
grow();
# The wrapper is stopped first, so that it cannot take the end of its script for the script's own.
kill "STOP", $root if $tree{$root};
my @left;
do {
  my @all = grow();
  @left = grep { $_->{pid} != $$ and $_->{state} !~ /^Z/ and ($tree{$_->{pid}} or ($uid ne "" and ($_->{uid} == $uid or $_->{ruid} == $uid))) } @all;
  kill "KILL", map { $_->{pid} } @left;
  select undef, undef, undef, 0.05 if @left;
} while @left and time < $until;
if (-x "/bin/launchctl") { system "/bin/launchctl bootout system/$label >/dev/null 2>&1"; }
if ($uid ne "" and -x "/bin/launchctl") { system "/bin/launchctl bootout user/$uid >/dev/null 2>&1"; }
print "survivor $_->{pid} $_->{args}\\n" for @left;
exit(@left ? 1 : 0);
`;
