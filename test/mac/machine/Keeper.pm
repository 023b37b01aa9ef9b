package Keeper;

# The process that a Mac lives by. It holds the instance's lock and the address lease, starts process 1 in fresh
# namespaces, starts it anew after a reboot, and takes everything away at the end: when told (SIGTERM), when its
# parent is gone, when its time is over. Should it be killed itself, the kernel ends the Mac (parent-death signal).

use strict;
use warnings;
use Cache       qw(read_file write_file source_dir);
use Config      qw(%Config);
use Fcntl       qw(:flock);
use File::Path  qw(make_path remove_tree);
use Instance    ();
use POSIX       qw(:sys_wait_h);
use Time::HiRes qw(time sleep);

use constant { REBOOT_STATUS => 88, LEASE_DIR => "/run/macfoundry/mac", PR_SET_PDEATHSIG => 1, SIGKILL => 9,
    SYS_PIDFD_OPEN => 434 };
my $SYS_PRCTL = $Config{archname} =~ /^aarch64/ ? 167 : 157;

# Takes a folder and an address for a new Mac; the locks live as long as the returned handles.
sub claim {
    my ($name) = @_;
    my $dir = Instance::dir($name);
    my @handles;
    Cache::with_lock(
        "instances",
        sub {
            Instance::sweep();
            die "mac: a Mac called $name is already running (mac stop $name)\n" if -d $dir;
            make_path($dir);
            open my $lock, ">", "$dir/lock" or die "mac: $dir/lock: $!\n";
            flock $lock, LOCK_EX or die "mac: $dir/lock: $!\n";    # `mac list` may be looking at it just now
            push @handles, $lock;
        }
    );
    my ($number, $lease) = lease_address();
    return { dir => $dir, number => $number, handles => [@handles, $lease] };
}

# 127.77.N.1 belongs to the machine, whatever home a run uses; the lease is a lock, free again when its holder dies.
sub lease_address {
    make_path(LEASE_DIR . "/root");
    for my $number (1 .. 254) {
        open my $lease, ">>", LEASE_DIR . "/lease-$number" or die "mac: " . LEASE_DIR . ": $!\n";
        return ($number, $lease) if flock $lease, LOCK_EX | LOCK_NB;
    }
    die "mac: all 254 addresses are taken (mac list)\n";
}

# Runs until the Mac is gone. `config` is the content of config.json plus base, system, parent, max_minutes.
sub keep {
    my ($config) = @_;
    pipe my $wake, my $signal or die "mac: pipe: $!\n";
    $signal->blocking(0);
    my $is_told = 0;
    local $SIG{CHLD} = sub { syswrite $signal, "c" };
    local @SIG{qw(TERM INT HUP)} = (sub { $is_told = 1; syswrite $signal, "t" }) x 3;
    my $deadline = time + 60 * $config->{max_minutes};
    my $parent;

    if ($config->{parent}) {
        $parent  = syscall SYS_PIDFD_OPEN, $config->{parent}, 0;
        $is_told = 1 if $parent < 0;
    }

    while (!$is_told) {
        my $child = start($config);
        my $status;
        while (1) {
            last if waitpid($child, WNOHANG) == $child and defined($status = $?);
            publish($config, $child);
            last if $is_told || time > $deadline || wait_for($wake, $parent, $config->{is_published} ? 30 : 0.005);
        }
        if (!defined $status) { end_mac($config, $child); last }
        last if $status >> 8 != REBOOT_STATUS;
        delete @$config{qw(is_published init)};
    }
    clean_up($config);
    return;
}

# Whether the parent is gone.
sub wait_for {
    my ($wake, $parent, $seconds) = @_;
    my $set = "";
    vec($set, fileno $wake, 1) = 1;
    vec($set, $parent, 1) = 1 if defined $parent;
    return 0 if select($set, undef, undef, $seconds) <= 0;
    sysread $wake, my $drain, 64 if vec $set, fileno $wake, 1;
    return defined $parent && vec $set, $parent, 1;
}

sub start {
    my ($config) = @_;
    my $pid = fork // die "mac: fork: $!\n";
    return $pid if $pid;
    syscall $SYS_PRCTL, PR_SET_PDEATHSIG, SIGKILL;
    open STDIN,  "<",  "/dev/null";
    open STDOUT, ">>", "$config->{dir}/boot.log";
    open STDERR, ">&", \*STDOUT;
    exec "unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child=KILL", "--propagation", "private", "--",
        "sh", source_dir() . "/machine/enter.sh", @$config{qw(dir base system)}, LEASE_DIR . "/root", $config->{name}
        or POSIX::_exit(127);
}

# Process 1 goes first, so that unshare reaps it and nothing is left when we are done.
sub end_mac {
    my ($config, $child) = @_;
    kill "KILL", $config->{init} // $child;
    for (1 .. 500) {
        return if waitpid($child, WNOHANG) == $child;
        sleep 0.01;
    }
    kill "KILL", $child;
    waitpid $child, 0;
    return;
}

# Writes run.json once the process that will be launchd exists.
sub publish {
    my ($config, $child) = @_;
    return if $config->{is_published};
    my ($init) = eval { read_file("/proc/$child/task/$child/children") } =~ /(\d+)/ or return;
    my $command = eval { read_file("/proc/$init/cmdline") } // "";
    return if $command !~ m{/\.sim/lib/launchd};
    @$config{qw(is_published init)} = (1, $init);
    my %info = map { $_ => $config->{$_} } qw(name profile address port user hostKey);
    write_file("$config->{dir}/run.json", Instance::encode({ %info, pid => 0 + $init, keeper => $$ }));
    return;
}

# The loop devices let go of the disk when the namespace's last process is gone.
sub clean_up {
    my ($config) = @_;
    for (1 .. 200) {
        last if (qx(losetup --noheadings --output BACK-FILE 2>/dev/null) // "") !~ m{^\Q$config->{dir}\E/}m;
        sleep 0.02;
    }
    remove_tree($config->{dir});
    return;
}

1;
