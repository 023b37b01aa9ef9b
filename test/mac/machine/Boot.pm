package Boot;

# `mac boot`: options to a configuration, a keeper process, and the wait until sshd answers.

use strict;
use warnings;
use Cache            qw(home_dir base_image read_file source_dir write_file say_progress);
use Instance         ();
use IO::Socket::INET ();
use JSON::PP         ();
use Keeper           ();
use POSIX            ();
use System           ();
use Time::HiRes      qw(time sleep);

# landlock_create_ruleset has one number on every architecture; with this flag it gives the kernel's ABI.
use constant { PORT => 22022, BOOT_SECONDS => 60, SYS_LANDLOCK_CREATE_RULESET => 444, LANDLOCK_ABI => 3 };

sub need_machine {
    die "mac: the simulated Mac needs root on Linux (namespaces, mounts)\n" if $^O ne "linux" || $> != 0;
    for my $tool (qw(unshare nsenter losetup mkfs.xfs ssh-keygen)) {
        next if grep { -x "$_/$tool" } split(/:/, $ENV{PATH}), "/usr/sbin", "/sbin";
        die "mac: $tool is missing: apt-get install util-linux xfsprogs openssh-client\n";
    }
    say_progress("this kernel has no Landlock of ABI "
            . LANDLOCK_ABI
            . " (Linux 6.2, lsm=landlock): sandbox-exec will fail with 71")
        if syscall(SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1) < LANDLOCK_ABI;
    return;
}

# The state files of a profile with the options laid over it.
sub state_values {
    my ($option) = @_;
    my $profiles = JSON::PP->new->utf8->decode(read_file(source_dir() . "/profiles.json"));
    my $profile  = $profiles->{ $option->{profile} }
        // die "mac: no profile $option->{profile}; there are: @{[sort keys %$profiles]}\n";
    my %state = (
        %$profile,
        macfuse      => $option->{macfuse} // "absent",
        macfuse_kext => "loaded",
        fda          => "yes",
        computername => $option->{name},
        serial       => "C07SIM" . uc substr(sprintf("%08x", unpack "%32C*", $option->{name}), 2),
        uuid         => "0F1E2D3C-4B5A-6978-8796-" . sprintf("%012X", unpack "%32C*", $option->{name}),
    );
    $state{sip} = $option->{sip} if defined $option->{sip};
    $state{clt} = "absent"       if $option->{no_clt};
    for my $pair (@{ $option->{set} // [] }) {
        my ($key, $value) = $pair =~ /\A(\w+)=(.*)\z/s or die "mac: --set wants KEY=VALUE\n";
        $state{$key} = $value;
    }
    return \%state;
}

sub boot {
    my ($option) = @_;
    need_machine();
    die "mac: a name is letters, digits and hyphens\n"
        if ($option->{name} // "") !~ /\A[A-Za-z0-9][A-Za-z0-9-]{0,62}\z/;
    my $state  = state_values($option);
    my $key    = authorized_key($option);
    my $base   = base_image();
    my $system = System::system_dir($state->{macos}, $base);

    pipe my $told, my $tell or die "mac: pipe: $!\n";
    my $pid = fork // die "mac: fork: $!\n";
    if (!$pid) {
        close $told;
        POSIX::setsid() if !$option->{foreground};
        my $config = eval { prepare($option, $state, $key, $base, $system) };
        syswrite $tell, $config ? "ok\n" : "$@";
        close $tell;
        POSIX::_exit(1) if !$config;
        open STDIN,  "<",  "/dev/null";
        open STDOUT, ">",  "/dev/null";
        open STDERR, ">>", "$config->{dir}/keeper.log";
        $0 = "macfoundry-mac-keeper $option->{name}";
        eval { Keeper::keep($config); 1 } or print STDERR $@;
        POSIX::_exit(0);
    }
    close $tell;
    my $answer = do { local $/; <$told> // "" };
    die $answer || "mac: the keeper ended at once\n" if $answer ne "ok\n";
    return ($pid, wait_until_ready($option->{name}, $pid));
}

# In the keeper: claims name and address and writes what enter.sh and provision.pl read.
sub prepare {
    my ($option, $state, $key, $base, $system) = @_;
    my $claim = Keeper::claim($option->{name});
    my $dir   = $claim->{dir};
    system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", $option->{name}, "-f", "$dir/host_key") == 0
        or die "mac: ssh-keygen failed\n";
    my $config = {
        name => $option->{name}, profile => $option->{profile}, dir => $dir, state => $state, user => "administrator",
        address => "127.77.$claim->{number}.1", port => PORT, authorizedKey => $key, ocaml => $option->{ocaml},
        hostKey => join(" ", (split / /, read_file("$dir/host_key.pub"))[0, 1]),
    };
    write_file("$dir/config.json", Instance::encode($config));
    write_file("$dir/data-size",   "$option->{data_size}\n");
    return { %$config, base => $base, system => $system, parent => $option->{parent},
        max_minutes => $option->{max_minutes}, handles => $claim->{handles} };
}

# The key that the administrator logs in with; without one of the caller's, one of the simulator's own.
sub authorized_key {
    my ($option) = @_;
    my $file = $option->{authorized_key};
    if (!defined $file) {
        $file = identity_file() . ".pub";
        Cache::with_lock(
            "identity",
            sub {
                system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "simulated-mac", "-f", identity_file())
                    if !-e $file;
            }
        );
    }
    my ($key) = read_file($file) =~ /\A\s*((?:ssh|ecdsa|sk)-\S+ \S+[^\n]*)/ or die "mac: $file: no public key\n";
    return $key;
}

sub identity_file { return home_dir() . "/id_ed25519" }

# Ready means: sshd says its banner on this Mac's address.
sub wait_until_ready {
    my ($name, $keeper, $old_pid) = @_;
    my $until = time + BOOT_SECONDS;
    while (time < $until) {
        my $info = Instance::read_info($name);
        return $info if $info && $info->{pid} != ($old_pid // 0) && has_banner($info);
        if (!kill 0, $keeper) {last}
        waitpid $keeper, POSIX::WNOHANG;
        sleep 0.01;
    }
    my $log = join "", map { -e ? read_file($_) : () } map { Instance::dir($name) . "/$_" } qw(keeper.log boot.log);
    kill "TERM", $keeper;
    die "mac: $name did not come up\n$log";
}

sub has_banner {
    my ($info) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => $info->{address}, PeerPort => $info->{port}, Timeout => 1)
        or return 0;
    my $line = "";
    local $SIG{ALRM} = sub { die "timeout\n" };
    eval { alarm 2; $line = <$socket> // ""; alarm 0; 1 } or return 0;
    return $line =~ /^SSH-2/;
}

1;
