package Instance;

# Booted Macs as files: instances/<name>/ in the simulator's home. The keeper holds a lock on `lock` as long as the
# Mac lives, so that a folder whose lock is free is what a killed run left, and can go.

use strict;
use warnings;
use Cache      qw(home_dir read_file);
use Fcntl      qw(:flock);
use File::Path qw(remove_tree);
use JSON::PP   ();

my $json = JSON::PP->new->utf8->canonical->pretty->indent_length(2);

sub dir { return home_dir() . "/instances/$_[0]" }

sub list {
    return sort map {m{([^/]+)\z}} grep {-d} glob home_dir() . "/instances/*";
}

sub is_alive {
    my ($name) = @_;
    open my $lock, "<", dir($name) . "/lock" or return 0;
    return !flock $lock, LOCK_SH | LOCK_NB;
}

# What `boot --json` prints, or undef.
sub read_info {
    my ($name) = @_;
    my $path = dir($name) . "/run.json";
    return if !is_alive($name) || !-e $path;
    return $json->decode(read_file($path));
}

sub need_info {
    my ($name) = @_;
    die "mac: which Mac? (mac list)\n" if !defined $name;
    return read_info($name) // die "mac: no Mac called $name is running (mac list)\n";
}

sub encode { return $json->encode($_[0]) }

# Folders of dead Macs. Their mounts and processes went with their namespaces; only the disk is left.
sub sweep {
    for my $name (list()) {
        remove_tree(dir($name)) if !is_alive($name);
    }
    return;
}

# A command as root inside the Mac, as words; replaces this process.
sub exec_inside {
    my ($info, @words) = @_;
    exec enter_words($info), @words or die "mac: nsenter: $!\n";
}

sub run_inside {
    my ($info, @words) = @_;
    return system enter_words($info), @words;
}

sub read_inside {
    my ($info, @words) = @_;
    open my $pipe, "-|", enter_words($info), @words or die "mac: nsenter: $!\n";
    local $/;
    my $text = <$pipe> // "";
    close $pipe;
    return $text;
}

# All of the namespaces but network and users, which a Mac shares with this machine.
sub enter_words {
    my ($info) = @_;
    return (
        "nsenter",                  "--target", $info->{pid}, "--mount", "--pid", "--uts", "--root", "--wdns=/", "--",
        "/.sim/debian/usr/bin/env", "-i",       "HOME=/var/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh",
        "PATH=/usr/bin:/bin:/usr/sbin:/sbin", defined $ENV{TERM} ? "TERM=$ENV{TERM}" : ()
    );
}

1;
