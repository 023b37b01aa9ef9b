package Faults;

# Things that go wrong on a Mac, by name. Most are a file that the stand-ins look at; some are done to the Mac at once
# and undone by --clear.

use strict;
use warnings;
use Instance ();

my $DIR = "/.sim/state/faults";

# What a fault does beyond its file: [set, clear], scripts run as root inside. $1 is the parameter.
my %SCRIPTS = (
    "sip-on"              => ["",     ""],
    "sip-off"             => ["",     ""],
    "kext-not-approved"   => ["",     ""],
    "no-full-disk-access" => ["",     ""],
    "disk-full"           => [<<'SH', "rm -f /.sim/fill*"],
# Everything but the parameter's KiB (default none) goes; smaller and smaller pieces, as the file system lets us.
free=$(/.sim/debian/usr/bin/stat -f -c '%a*%S/1024' /Users)
left=$((free - ${1:-0}))
: >/.sim/fill
size=0
step=$left
while [ "$step" -ge 4 ]; do
    if /.sim/debian/usr/bin/fallocate -o "$((size * 1024))" -l "$((step * 1024))" /.sim/fill 2>/dev/null; then
        size=$((size + step))
        free=$(/.sim/debian/usr/bin/stat -f -c '%a*%S/1024' /Users)
        step=$((free - ${1:-0}))
    else
        step=$((step / 2))
    fi
done
# What the file system gives back when it is pressed (preallocation, reserves) goes too.
for round in 1 2 3; do
    [ "${1:-0}" = 0 ] || break
    /.sim/debian/usr/bin/dd if=/dev/zero of="/.sim/fill$round" bs=4k 2>/dev/null || :
    /.sim/debian/usr/bin/sync -f /.sim
done
SH
    "cut-connection" => [<<'SH', "launchctl bootstrap system /System/Library/LaunchDaemons/ssh.plist"],
# Sessions end as by a pulled cable: sshd is gone, what the session had started is not told. With the parameter
# `hold` nobody gets in again until the fault is cleared.
if [ "${1:-}" = hold ]; then launchctl bootout --wait system/com.openssh.sshd; fi
/.sim/debian/usr/bin/pkill -KILL -f '^sshd: ' || :
SH
    "host-key-changed" => [<<'SH', <<'SH2'],
cd /private/etc/ssh
[ -e /.sim/run/host_key ] || cp -p ssh_host_ed25519_key /.sim/run/host_key
rm -f ssh_host_ed25519_key ssh_host_ed25519_key.pub
/.sim/debian/usr/bin/ssh-keygen -q -t ed25519 -N '' -C changed -f ssh_host_ed25519_key
launchctl kickstart -k system/com.openssh.sshd
SH
cat /.sim/run/host_key >/private/etc/ssh/ssh_host_ed25519_key
rm -f /.sim/run/host_key
launchctl kickstart -k system/com.openssh.sshd
SH2
    "no-sudo" => [
        "mv /private/etc/sudoers.d/administrator /.sim/run/sudoers-administrator",
        "mv /.sim/run/sudoers-administrator /private/etc/sudoers.d/administrator"
    ],
);

# `command NAME CODE [REGEX [TEXT]]` and `slow-command NAME SECONDS` are kept as command:NAME.
sub file_and_content {
    my ($fault, @parameters) = @_;
    if ($fault eq "command") {
        my ($name, @rest) = @parameters;
        die "mac: fault command NAME CODE [ARGV-REGEX [STDERR-TEXT]]\n"
            if !defined $name || ($rest[0] // "") !~ /^\d+\z/;
        return ("command:$name", join "\t", @rest);
    }
    if ($fault eq "slow-command") {
        my ($name, $seconds) = @parameters;
        die "mac: fault slow-command NAME SECONDS\n" if !defined $name || ($seconds // "") !~ /^[\d.]+\z/;
        return ("command:$name", "slow:$seconds");
    }
    die "mac: no fault called $fault; there are: @{[sort keys %SCRIPTS]} command slow-command reboot\n"
        if !$SCRIPTS{$fault} && $fault !~ /\Acommand:[\w.+-]+\z/;
    return ($fault, join "\t", @parameters);
}

sub set {
    my ($info, $fault, @parameters) = @_;
    my ($file, $content) = file_and_content($fault, @parameters);
    my $is_set    = list_set($info) =~ /^\Q$file\E$/m;
    my $write     = $file           =~ /^command:/ ? ">>" : ">";
    my $is_moment = $fault eq "cut-connection" && $content ne "hold";
    run($info, "printf '%s\\n' \"\$2\" $write \"\$1\"", "$DIR/$file", $content) if !$is_moment;
    return 0 if !$SCRIPTS{$fault} || ($is_set && $fault eq "no-sudo");
    my $code = run($info, $SCRIPTS{$fault}[0], @parameters);
    wait_for_sshd($info) if $fault eq "host-key-changed";
    return $code;
}

# A test that connects right after the fault shall meet the new sshd, not the moment without one.
sub wait_for_sshd {
    my ($info) = @_;
    require Boot;
    for (1 .. 100) {
        return if Boot::has_banner($info);
        select undef, undef, undef, 0.05;
    }
    die "mac: sshd of $info->{name} does not answer any more\n";
}

sub clear {
    my ($info, $fault) = @_;
    my @set    = split /\n/, list_set($info);
    my ($name) = $fault eq "all" ? () : file_and_content_name($fault);
    for my $file (grep { !defined $name || $_ eq $name } @set) {
        my $script = $SCRIPTS{$file} ? $SCRIPTS{$file}[1] : "";
        run($info, "rm -f \"\$1\"\n$script", "$DIR/$file");
        wait_for_sshd($info) if $file =~ /^(?:host-key-changed|cut-connection)\z/;
    }
    return 0;
}

sub file_and_content_name {
    my ($fault) = @_;
    die "mac: no fault called $fault\n" if !$SCRIPTS{$fault} && $fault !~ /\Acommand:/;
    return $fault;
}

sub list_set {
    my ($info) = @_;
    return Instance::read_inside($info, "/bin/sh", "-c",
        "cd $DIR && for f in *; do if [ -e \"\$f\" ]; then echo \"\$f\"; fi; done");
}

sub show { print list_set($_[0]); return 0 }

sub run {
    my ($info, $script, @parameters) = @_;
    return 0 if $script eq "";
    my $status = Instance::run_inside($info, "/bin/sh", "-c", $script, "fault", @parameters);
    die "mac: the fault's script failed\n" if $status != 0;
    return 0;
}

1;
