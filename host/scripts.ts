/** Exit codes of the loader below: outside what the commands of ours give (sysexits end at 78). */
export const EXIT_SUPERSEDED = 96;
export const EXIT_BUSY = 97;

/** How long a change waits for the one before it, which may be the last script of a controller that was killed. */
const LOCK_WAIT_SECONDS = 120;

/**
 * Takes the Mac's lock, checks that no newer controller has come, and becomes the command; the lock's descriptor stays
 * open across exec, so it is let go exactly when the command ends. perl, because `lockf` exists only from macOS 15
 * and `flock(1)` never. Children that shall outlive the command must close descriptor 9.
 */
export const CHANGE_LOADER = `
use strict; use Fcntl qw(:flock F_SETFD); use POSIX ();
my ($dir, $token, $mode, @command) = @ARGV;
$ENV{LC_ALL} = "C"; $ENV{PATH} = "/usr/bin:/bin:/usr/sbin:/sbin";
umask 022;
mkdir $dir, 0755;
my $path = "$dir/controller";
open my $file, "+>>", $path or die "$path: $!\\n";
my $until = time + ${LOCK_WAIT_SECONDS};
until (flock $file, LOCK_EX | LOCK_NB) {
  if (time >= $until) { print STDERR "$path is locked\\n"; exit ${EXIT_BUSY}; }
  select undef, undef, undef, 0.05;
}
seek $file, 0, 0;
my $owner = <$file> // "";
if ($mode eq "keep" and $owner ne $token) { exit ${EXIT_SUPERSEDED}; }
if ($mode eq "take" and $owner ne $token) { truncate $file, 0; syswrite $file, $token or die "$path: $!\\n"; }
POSIX::dup2(fileno $file, 9) or die "dup2: $!\\n";
if (fileno $file != 9) { close $file; }
open my $kept, "+<&=", 9 or die "fdopen: $!\\n";
fcntl $kept, F_SETFD, 0 or die "fcntl: $!\\n";
exec { $command[0] } @command or die "$command[0]: $!\\n";
`;

/**
 * A script as it is sent to `sh -s`. First it fails early, and answers do not depend on the user's locale or PATH. The
 * braces make the shell read all of it before it runs any of it: a connection that is cut while the script is on its way
 * leaves a syntax error, never half a script whose last line lost its end (`rm -rf /a/b` as `rm -rf /a`).
 */
export function wholeScript(script: string): string {
  return `{\nset -eu\nLC_ALL=C\nPATH=/usr/bin:/bin:/usr/sbin:/sbin\nexport LC_ALL PATH\numask 022\n${script}\n}\n`;
}
