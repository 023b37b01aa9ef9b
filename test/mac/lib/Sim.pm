package Sim;

# What every stand-in for a macOS command shares: the Mac's state, injected faults, option parsing with the Mac's own
# error texts (Libc's getopt and getopt_long), and the way to the Debian program that does the work.
#
# `use Sim;` is the prologue: it honours faults/command:NAME before the stand-in's own code runs.
# No module that is slow to load (POSIX, File::Find) is used here: a configure script starts stand-ins by the thousand.

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw($NAME state macos_at_least by_version is_arm getopt usage_exit fail complain need_root
    darwin_release host_name sip_state kext_state has_full_disk_access exec_real run_real finish real_path words_of bsd_text note_dialog set_state);

our $STATE_DIR = $ENV{SIM_STATE_DIR} // '/.sim/state';
our $REAL_ROOT = $ENV{SIM_REAL_ROOT} // '/.sim/debian';
our ($NAME) = $0 =~ m{([^/]+)/*$};

# One value per file; `undef` when the file does not exist.
sub state {
    my ($key, $default) = @_;
    open my $fh, '<', "$STATE_DIR/$key" or return $default;
    my $value = do { local $/; <$fh> };
    $value = '' unless defined $value;
    chomp $value;
    return $value;
}

sub set_state {
    my ($key, $value) = @_;
    open my $fh, '>', "$STATE_DIR/$key.$$" or fail(1, "cannot keep state $key: $!");
    print $fh "$value\n";
    close $fh;
    rename "$STATE_DIR/$key.$$", "$STATE_DIR/$key" or fail(1, "cannot keep state $key: $!");
}

sub compare_versions {
    my ($left, $right) = @_;
    my @left = split /\./, $left;
    my @right = split /\./, $right;
    while (@left || @right) {
        my $order = (shift(@left) // 0) <=> (shift(@right) // 0);
        return $order if $order;
    }
    return 0;
}

my $macos;
sub macos_at_least { return compare_versions($macos //= Sim::state('macos', '14.0'), $_[0]) >= 0 }

# by_version(12 => A, '12.3' => B, 14 => C): the entry of the newest version that this Mac has reached.
sub by_version {
    my @pairs = @_;
    my $chosen = $pairs[1];
    while (my ($version, $value) = splice @pairs, 0, 2) {
        $chosen = $value if macos_at_least($version);
    }
    return $chosen;
}

sub is_arm { return Sim::state('arch', 'x86_64') eq 'arm64' }
# Darwin's major is macOS's plus 9 up to 15; macOS 26 is Darwin 25.
sub darwin_release {
    my ($major, $minor) = split /\./, Sim::state('macos', '14.0');
    return Sim::state('darwin', ($major >= 26 ? $major - 1 : $major + 9) . '.' . ($minor || 0) . '.0');
}

sub host_name { return Sim::state('hostname') // Sim::state('localhostname', Sim::state('computername', 'mac')) . '.local' }

sub has_fault { return -e "$STATE_DIR/faults/$_[0]" }

sub sip_state {
    return 'enabled' if has_fault('sip-on');
    return 'disabled' if has_fault('sip-off');
    return Sim::state('sip', 'enabled');
}

# loaded | unloaded | not-approved | absent
sub kext_state {
    return 'absent' if Sim::state('macfuse', 'absent') eq 'absent';
    return 'not-approved' if has_fault('kext-not-approved');
    return Sim::state('macfuse_kext', 'loaded');
}

# TCC decides by the responsible process: a session of sshd has what the Sharing pane granted, a launchd job has
# nothing unless it was granted to that program itself.
sub has_full_disk_access {
    my $granted = !has_fault('no-full-disk-access') && Sim::state('fda', 'yes') eq 'yes';
    return 0 if ($ENV{XPC_SERVICE_NAME} // '0') ne '0';
    my $pid = getppid();
    for (1 .. 64) {
        open my $fh, '<', "/proc/$pid/stat" or last;
        my ($comm, $parent) = <$fh> =~ /\((.*)\) \S (\d+)/s or last;
        return $granted if $comm =~ /^sshd/;
        last if $parent <= 1;
        $pid = $parent;
    }
    return $granted;
}

sub meet_fault {
    open my $fh, '<', "$STATE_DIR/faults/command:$NAME" or return;
    my $argv = join ' ', @ARGV;
    while (my $line = <$fh>) {
        chomp $line;
        if ($line =~ /^slow:([\d.]+)/) {
            select undef, undef, undef, $1;
            next;
        }
        my ($code, $pattern, $text) = split /\t/, $line, 3;
        next unless defined $code && $code =~ /^\d+$/;
        next if defined $pattern && length $pattern && $argv !~ /$pattern/;
        print STDERR $text =~ s{\\n}{\n}gr, "\n" if defined $text && length $text;
        exit $code;
    }
}

sub complain { print STDERR "$NAME: $_[0]\n"; return 1 }

sub fail {
    my ($code, $text) = @_;
    complain($text);
    exit $code;
}

sub usage_exit {
    my ($code, $usage) = @_;
    print STDERR $usage =~ /\n\z/ ? $usage : "$usage\n" if defined $usage && length $usage;
    exit $code;
}

sub need_root {
    my ($code, $text) = @_;
    return if $> == 0;
    print STDERR "$text\n";
    exit $code;
}

# Parses @ARGV as Libc does and leaves the operands in it; returns a list of [letter, value].
#   spec     getopt string (`x::` takes a value only when it is attached); `long` {name => letter} makes it a getopt_long user (other error texts)
#   permute  operands may come before options (only sort, grep, gzip, base64 do that on a Mac)
#   stop     sub(word): true when a word starting with `-` is an operand nevertheless (chmod's modes)
#   usage, code  what is printed, and the exit status, after an option error
sub getopt {
    my ($spec, %opt) = @_;
    my %takes = map { substr($_, 0, 1) => length($_) - 1 } $spec =~ /([^:]:{0,2})/g;
    my (@found, @operands);
    my $usage = $opt{usage} // "usage: $NAME [-" . join('', sort grep { /\w/ } keys %takes) . "] ...";
    my $bad = sub { complain($_[0]); usage_exit($opt{code} // 1, $usage) };
    my $illegal = $opt{long} && !exists $ENV{POSIXLY_CORRECT} ? 'invalid' : 'illegal';

    while (@ARGV) {
        my $word = $ARGV[0];
        if ($word eq '--') { shift @ARGV; last }
        if ($word !~ /^-./s || ($opt{stop} && $opt{stop}->($word))) {
            last unless $opt{permute};
            push @operands, shift @ARGV;
            next;
        }
        shift @ARGV;
        if ($opt{long} && $word =~ /^--([^=]+)(?:=(.*))?$/s) {
            my ($name, $value) = ($1, $2);
            my @match = exists $opt{long}{$name} ? ($name) : grep { index($_, $name) == 0 } sort keys %{ $opt{long} };
            $bad->("unrecognized option `$word'") unless @match;
            $bad->("ambiguous option -- $name") if @match > 1;
            my $letter = $opt{long}{ $match[0] };
            my $wants = $letter =~ s/:\z// || ($takes{$letter} // 0) == 1;
            if ($wants && !defined $value) {
                $bad->("option `--$name' requires an argument") unless @ARGV;
                $value = shift @ARGV;
            }
            $bad->("option `--$name' doesn't allow an argument") if !$wants && defined $value;
            push @found, [$letter, $value];
            next;
        }
        my $rest = substr $word, 1;
        while (length $rest) {
            my $letter = substr $rest, 0, 1, '';
            $bad->("$illegal option -- $letter") unless exists $takes{$letter} && $letter ne ':';
            if (!$takes{$letter}) { push @found, [$letter]; next }
            if (length $rest || $takes{$letter} == 2) { push @found, [$letter, length $rest ? $rest : undef]; last }
            $bad->("option requires an argument -- $letter") unless @ARGV;
            push @found, [$letter, shift @ARGV];
            last;
        }
    }
    unshift @ARGV, @operands;
    return @found;
}

sub real_path {
    my ($program) = @_;
    for my $folder (qw(/usr/bin /bin /usr/sbin /sbin)) {
        return "$REAL_ROOT$folder/$program" if -x "$REAL_ROOT$folder/$program";
    }
    fail(127, "the simulated Mac has no $program in $REAL_ROOT");
}

# The parsed options again as words, for a Debian program that means the same by them; `--` stops its permutation.
sub words_of {
    my (@found) = @_;
    return ((map { defined $_->[1] ? ("-$_->[0]", $_->[1]) : "-$_->[0]" } @found), '--', @ARGV);
}

sub exec_real {
    my ($program, @args) = @_;
    my $path = real_path($program);
    exec {$path} $program, @args or fail(126, "$path: $!");
}

# Turns a GNU message into the Mac's form: `cp: cannot stat 'x': No such ...` -> `cp: x: No such ...`.
sub bsd_text {
    my ($line) = @_;
    $line =~ s/\xe2\x80[\x98\x99]/'/g;
    $line =~ s/^(\S+): [^']*?'(.*?)'(?: \w+ '.*?')?: (.*)$/$1: $2: $3/;
    $line =~ s/Invalid cross-device link/Cross-device link/;
    return $line;
}

# Runs a Debian program, rewriting its stderr (and stdout when asked) line by line; returns the wait status.
# The program dies with the stand-in even when that is killed by SIGKILL (PR_SET_PDEATHSIG).
sub run_real {
    my ($program, $args, %opt) = @_;
    my $path = real_path($program);
    local $ENV{LC_ALL} = 'C' unless $opt{keep_locale};
    pipe my $err_out, my $err_in or fail(1, "pipe: $!");
    my ($out_out, $out_in);
    if ($opt{stdout}) { pipe $out_out, $out_in or fail(1, "pipe: $!") }
    my $pid = fork // fail(1, "fork: $!");
    if (!$pid) {
        # Not by Config, which takes longer to load than all of this module.
        syscall -e '/lib64/ld-linux-x86-64.so.2' ? 157 : 167, 1, 9;
        open STDERR, '>&', $err_in or exit 126;
        if ($out_in) { open STDOUT, '>&', $out_in or exit 126 }
        exec {$path} $program, @$args or exit 126;
    }
    close $err_in;
    close $out_in if $out_in;
    local @SIG{qw(INT TERM HUP)} = (sub { kill $_[0], $pid }) x 3;
    my $err = $opt{stderr} // \&bsd_text;
    if ($out_out) {
        while (my $line = <$out_out>) { print $opt{stdout}->($line) }
    }
    while (my $line = <$err_out>) { print STDERR $err->($line) }
    waitpid $pid, 0;
    return $?;
}

# Ends as the real program ended: same exit status, same signal.
sub finish {
    my ($status) = @_;
    $| = 1;
    print '';
    if (my $signal = $status & 127) {
        $SIG{ (split ' ', do { require Config; $Config::Config{sig_name} })[$signal] } = 'DEFAULT';
        kill $signal, $$;
    }
    exit($status >> 8);
}

# On a Mac these commands put a window on the console; tests assert that none was opened.
sub note_dialog {
    my ($text) = @_;
    (my $log = $STATE_DIR) =~ s{/state/?\z}{/log/dialogs};
    open my $fh, '>>', $log or return;
    print $fh time, "\t$text\n";
}

meet_fault();

1;
