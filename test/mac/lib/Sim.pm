package Sim;

# What every stand-in for a macOS command shares: the Mac's state, injected faults, option parsing with the Mac's own
# error texts (Libc's getopt and getopt_long), and the way to the Debian program that does the work.
#
# `use Sim;` is the prologue: it honours faults/command:NAME before the stand-in's own code runs.
# A configure script starts stand-ins by the thousand, so this file is small, loads no module (warnings and Exporter
# cost as much as perl's own start), and leaves what few of them need to SimRun.pm and SimState.pm.

use strict;

our $STATE_DIR = $ENV{SIM_STATE_DIR} // '/.sim/state';
our $REAL_ROOT = $ENV{SIM_REAL_ROOT} // '/.sim/debian';
our ($NAME) = $0 =~ m{([^/]+)/*$};

my @HERE = qw(state macos_at_least by_version is_arm getopt usage_exit fail complain need_root real_path words_of exec_real);
my %ELSEWHERE = (
    (map { $_ => 'SimRun' } qw(run_real finish bsd_text)),
    (map { $_ => 'SimState' } qw(set_state darwin_release host_name sip_state kext_state has_full_disk_access refuse_protected note_dialog)),
);

sub import {
    my $to = caller;
    no strict 'refs';
    *{"${to}::NAME"} = \$NAME;
    *{"${to}::$_"} = \&{"Sim::$_"} for @HERE;
    for my $name (keys %ELSEWHERE) {
        my $module = $ELSEWHERE{$name};
        *{"${to}::$name"} = sub { require "$module.pm"; goto &{"${module}::$name"} };
    }
}

# One value per file; `undef` when the file does not exist.
sub state {
    my ($key, $default) = @_;
    open my $fh, '<', "$STATE_DIR/$key" or return $default;
    my $value = do { local $/; <$fh> };
    $value = '' unless defined $value;
    chomp $value;
    return $value;
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

meet_fault();

1;
