package SimRun;

# The part of Sim.pm that starts a Debian program as a child and rewrites what it says; loaded when it is first needed.

use strict;

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
    my $path = Sim::real_path($program);
    local $ENV{LC_ALL} = 'C' unless $opt{keep_locale};
    pipe my $err_out, my $err_in or Sim::fail(1, "pipe: $!");
    my ($out_out, $out_in);
    if ($opt{stdout}) { pipe $out_out, $out_in or Sim::fail(1, "pipe: $!") }
    my $pid = fork // Sim::fail(1, "fork: $!");
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

1;
