package LaunchdJob;

# One job of the system domain: how it is started from its plist, watched, restarted and stopped.
# The main loop (launchd) calls on_exit for a dead process and on_timer when `wake_at` has come.

use strict;
use warnings;
use Fcntl;
use POSIX       ();
use Time::HiRes qw(time);
use Plist       ();

use constant { RLIMIT_NPROC => 6, RLIMIT_NOFILE => 7, EX_CONFIG => 78 };
my $machine       = (POSIX::uname())[4];
my $SYS_PRLIMIT64 = $machine eq "aarch64" ? 261 : 302;

sub new {
    my ($class, $path, $plist, $node) = @_;
    my $argv = $plist->{ProgramArguments} // [$plist->{Program} // ()];
    return bless {
        label     => $plist->{Label},
        path      => $path,
        plist     => $plist,
        program   => $plist->{Program} // $argv->[0],
        argv      => $argv,
        state     => "not running",
        runs      => 0,
        throttle  => $plist->{ThrottleInterval} // 10,
        exit_time => $plist->{ExitTimeOut}      // 5,
        wake_at   => undef,    # when on_timer has something to do
        on_gone   => [],       # called once the process is gone for good (bootout, kickstart -k)
    }, $class;
}

sub is_running { return defined $_[0]{pid} }

sub start {
    my ($self) = @_;
    return if $self->is_running;
    $self->{wake_at} = undef;
    my $pid = fork // do { $self->{state} = "spawn scheduled"; $self->{wake_at} = time + 1; return };
    if (!$pid) {
        eval { $self->run_child };
        POSIX::_exit(EX_CONFIG);
    }
    $self->{pid}        = $pid;
    $self->{state}      = "running";
    $self->{started_at} = time;
    $self->{runs}++;
    return;
}

# In the child: everything that launchd's xpcproxy prepares. Whatever cannot be prepared ends as 78 (EX_CONFIG).
sub run_child {
    my ($self) = @_;
    my $plist = $self->{plist};
    $SIG{$_} = "DEFAULT" for qw(TERM CHLD HUP INT PIPE);
    POSIX::setsid();
    my $user    = $plist->{UserName};
    my @account = defined $user ? getpwnam $user : getpwuid 0;
    die "no user\n" if !@account;
    my ($uid, $gid) = @account[2, 3];

    if (defined $plist->{GroupName}) {
        $gid = getgrnam $plist->{GroupName};
        die "no group\n" if !defined $gid;
    }
    set_limits($plist->{HardResourceLimits}, 1);
    set_limits({ NumberOfFiles => 256 });    # the soft default of every job
    set_limits($plist->{SoftResourceLimits});
    POSIX::nice($plist->{Nice}) if $plist->{Nice};
    make_parents($_) for grep {defined} @$plist{qw(StandardOutPath StandardErrorPath)};
    if (defined $user) {
        my @groups = $plist->{InitGroups} // 1 ? list_groups($account[0], $gid) : ($gid);
        $) = join " ", $gid, @groups;
        POSIX::setgid($gid) or die "setgid\n";
        POSIX::setuid($uid) or die "setuid\n";
    }
    umask(defined $plist->{Umask} ? parse_mode($plist->{Umask}) : 022);
    chdir($plist->{WorkingDirectory} // "/") or die "chdir\n";
    redirect(0, $plist->{StandardInPath}    // "/dev/null", O_RDONLY);
    redirect(1, $plist->{StandardOutPath}   // "/dev/null", O_WRONLY | O_CREAT | O_APPEND);
    redirect(2, $plist->{StandardErrorPath} // "/dev/null", O_WRONLY | O_CREAT | O_APPEND);
    %ENV = (
        PATH             => "/usr/bin:/bin:/usr/sbin:/sbin",
        XPC_SERVICE_NAME => $self->{label},
        %{ $plist->{EnvironmentVariables} // {} }
    );
    exec { $self->{program} } @{ $self->{argv} } or die "exec\n";
}

sub parse_mode { return $_[0] =~ /^0/ ? oct $_[0] : $_[0] }    # an integer is decimal, a string octal

sub list_groups {
    my ($name, $gid) = @_;
    my @groups = ($gid);
    setgrent;
    while (my @group = getgrent) {
        push @groups, $group[2] if grep { $_ eq $name } split / /, $group[3];
    }
    endgrent;
    return @groups;
}

sub redirect {
    my ($descriptor, $path, $flags) = @_;
    my $opened = POSIX::open($path, $flags, 0644) // die "open\n";
    if ($opened != $descriptor) {
        POSIX::dup2($opened, $descriptor) // die "dup2\n";
        POSIX::close($opened);
    }
    return;
}

# launchd makes missing log folders itself, root's and 0744: so a job of another user cannot write there.
sub make_parents {
    my ($path) = @_;
    my @parts  = split m{/}, $path;
    pop @parts;
    my $dir = "";
    for my $part (grep {length} @parts) {
        $dir .= "/$part";
        mkdir $dir, 0744 if !-d $dir;
    }
    return;
}

sub set_limits {
    my ($limits, $is_hard) = @_;
    my %resource = (NumberOfFiles => RLIMIT_NOFILE, NumberOfProcesses => RLIMIT_NPROC);
    for my $name (grep { exists $resource{$_} } keys %{ $limits // {} }) {
        my $old = pack "QQ", 0, 0;
        syscall $SYS_PRLIMIT64, 0, $resource{$name}, 0, $old;
        my ($soft, $hard) = unpack "QQ", $old;
        my $value = $limits->{$name};
        ($soft, $hard) =
            $is_hard ? ($soft < $value ? $soft : $value, $value) : ($value < $hard ? $value : $hard, $hard);
        my $new = pack "QQ", $soft, $hard;
        syscall $SYS_PRLIMIT64, 0, $resource{$name}, $new, 0;
    }
    return;
}

# The process is gone: clean up its group, then decide about another run.
sub on_exit {
    my ($self, $status) = @_;
    my $pid = delete $self->{pid};
    $self->{last_status} = $status;
    kill "KILL", -$pid if !$self->{plist}{AbandonProcessGroup};
    $self->{state}   = "not running";
    $self->{wake_at} = undef;
    my @waiting = splice @{ $self->{on_gone} };
    if (@waiting) { $_->() for @waiting; return }
    $self->plan_restart if !$self->{is_leaving};
    return;
}

sub plan_restart {
    my ($self) = @_;
    my $interval = $self->{plist}{StartInterval};
    if ($self->should_keep_alive) {
        my $earliest = $self->{started_at} + $self->{throttle};
        if ($earliest <= time) { $self->start; return }
        @$self{qw(state wake_at)} = ("spawn scheduled", $earliest);
    }
    elsif ($interval) {
        $self->{wake_at} = time + $interval;
    }
    return;
}

sub should_keep_alive {
    my ($self) = @_;
    my $keep = $self->{plist}{KeepAlive};
    return $keep if ref $keep ne "HASH";
    my $status = $self->{last_status} // 0;
    return 1 if defined $keep->{SuccessfulExit} && !!$keep->{SuccessfulExit} == ($status == 0);
    return 1 if defined $keep->{Crashed}        && !!$keep->{Crashed} == (($status & 127) != 0);
    for my $path (keys %{ $keep->{PathState} // {} }) {
        return 1 if !!$keep->{PathState}{$path} == !!-e $path;
    }
    return 0;
}

sub should_start_at_load {
    my ($self) = @_;
    my $keep = $self->{plist}{KeepAlive};
    return $self->{plist}{RunAtLoad} || (ref $keep ? 1 : $keep);
}

sub on_timer {
    my ($self) = @_;
    $self->{wake_at} = undef;
    if ($self->is_running) {
        kill "KILL", $self->{pid};
        $self->{state} = "SIGKILLed";
        return;
    }
    $self->start;
    return;
}

# SIGTERM now, SIGKILL after ExitTimeOut; `then` runs when the process is gone.
sub stop {
    my ($self, $then) = @_;
    push @{ $self->{on_gone} }, $then if $then;
    if (!$self->is_running) {
        @$self{qw(state wake_at)} = ("not running", undef);
        $_->() for splice @{ $self->{on_gone} };
        return;
    }
    return if $self->{state} =~ /^SIG/;
    kill "TERM", $self->{pid};
    $self->{state}   = "SIGTERMed";
    $self->{wake_at} = time + $self->{exit_time};
    return;
}

# As `launchctl print` words it.
sub last_exit_text {
    my ($self) = @_;
    return "(never exited)" if !defined $self->{last_status};
    my $code = $self->{last_status} >> 8;
    return $code == EX_CONFIG ? "78: EX_CONFIG" : $code;
}

# The second column of `launchctl list`: exit code, or the negated signal.
sub list_status {
    my ($self) = @_;
    my $status = $self->{last_status} // 0;
    return $status & 127 ? -($status & 127) : $status >> 8;
}

1;
