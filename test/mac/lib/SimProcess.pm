package SimProcess;

# The processes of the Mac, from /proc: what ps, pgrep, pkill and killall share.

use strict;
use Exporter 'import';

our @EXPORT = qw(list_processes ancestors_of signal_number SIGNAL_NAMES);

# Darwin's numbers and names; those of Linux that differ are translated by name.
use constant SIGNAL_NAMES => qw(ZERO HUP INT QUIT ILL TRAP ABRT EMT FPE KILL BUS SEGV SYS PIPE ALRM TERM URG STOP TSTP CONT
    CHLD TTIN TTOU IO XCPU XFSZ VTALRM PROF WINCH INFO USR1 USR2);

# A number or a name, as Darwin counts -> the name that perl's kill knows; undef for an unknown one, 0 for none.
sub signal_number {
    my ($text) = @_;
    my @names = (SIGNAL_NAMES);
    return 0 if $text eq '0';
    my $name = $text =~ /^\d+$/ ? $names[$text] : uc($text) =~ s/^SIG//r;
    return unless defined $name && grep { $_ eq $name } @names;
    return { EMT => 'ILL', INFO => 'USR1' }->{$name} // $name;
}

sub read_text {
    open my $fh, '<', $_[0] or return;
    local $/;
    return scalar <$fh>;
}

sub list_processes {
    my ($boot) = map { /^btime (\d+)/m ? $1 : 0 } read_text('/proc/stat') // '';
    opendir my $dir, '/proc' or return;
    my @found;
    for my $pid (sort { $a <=> $b } grep {/^\d+$/} readdir $dir) {
        my ($stat, $status) = (read_text("/proc/$pid/stat"), read_text("/proc/$pid/status"));
        next unless defined $stat && defined $status;
        my ($name, $rest) = $stat =~ /^\d+ \((.*)\) (.*)$/s or next;
        my @f = split ' ', $rest;
        my ($ruid, $euid) = $status =~ /^Uid:\s+(\d+)\s+(\d+)/m;
        my ($rgid) = $status =~ /^Gid:\s+(\d+)/m;
        my $command = read_text("/proc/$pid/cmdline") // '';
        my @argv = split /\0/, $command, -1;
        pop @argv if @argv && $argv[-1] eq '';
        my $path = readlink("/proc/$pid/exe") // $argv[0] // $name;
        $path =~ s{ \(deleted\)$}{};
        # Debian has one folder where a Mac has two.
        if ($path =~ s{^/\.sim/debian}{} && !-e $path && $path =~ m{^/usr(/s?bin/[^/]+)$} && -e $1) { $path = $1 }
        my $is_zombie = $f[0] eq 'Z';
        push @found, {
            pid => $pid, name => substr($name, 0, 16), state => $f[0], ppid => $f[1], pgid => $f[2], session => $f[3],
            tty => $f[4], tpgid => $f[5], utime => $f[11], stime => $f[12], nice => $f[16], priority => $f[15],
            start => $boot + $f[19] / 100, vsz => int($f[20] / 1024), rss => $f[21] * 4, ruid => $ruid, uid => $euid,
            gid => $rgid, path => $path, argv => \@argv,
            args => $is_zombie ? "($name)" : @argv ? join(' ', @argv) : "($name)", command => $is_zombie ? "($name)" : $path,
        };
    }
    return @found;
}

sub ancestors_of {
    my ($pid, @processes) = @_;
    my %parent = map { $_->{pid} => $_->{ppid} } @processes;
    my %seen;
    while ($pid && !$seen{$pid}) { $seen{$pid} = 1; $pid = $parent{$pid} }
    return %seen;
}

1;
