package LaunchdControl;

# What launchctl asks for. A request is an array of words plus the caller's uid; the answer goes through
# `reply($code, $stdout, $stderr)`, at once or later (bootout waits a moment for the process).

use strict;
use warnings;
use Time::HiRes  qw(time);
use LaunchdJob    ();
use LaunchdLegacy ();
use LaunchdPrint ();
use Plist        ();

our %JOBS;      # label -> LaunchdJob
our @TIMERS;    # [when, code]
our $DAEMONS  = "/Library/LaunchDaemons";
our $DISABLED = "/var/db/com.apple.xpc.launchd/disabled.plist";

my %ERRORS = (
    1   => "Operation not permitted",
    3   => "No such process",
    5   => "Input/output error",
    36  => "Operation now in progress",
    37  => "Operation already in progress",
    107 => "Malformed bundle",
    108 => "Invalid path",
    109 => "Invalid property list",
    110 => "Service identifier not found",
    111 => "Program not found",
    112 => "Could not find specified domain",
    113 => "Could not find specified service",
    119 => "Service is disabled",
    122 => "Path had bad ownership/permissions",
    124 => "Domain is tearing down",
    125 => "Domain does not support specified action",
    133 => "There were multiple errors",
    134 => "Service cannot load in requested session",
    150 => "Operation not permitted while System Integrity Protection is engaged",
    159 => "Sandbox restriction",
    161 => "Service cannot be launched because of BTM policy",
);

sub error_text { return $ERRORS{ $_[0] } // "Unknown error: $_[0]" }

sub state_value {
    my ($name) = @_;
    open my $file, "<", "/.sim/state/$name" or return "";
    my $value = <$file> // "";
    chomp $value;
    return $value;
}

sub macos_major { return (split /\./, state_value("macos"))[0] }

sub read_disabled {
    open my $file, "<", $DISABLED or return {};
    local $/;
    return eval { Plist::to_perl(Plist::parse(scalar <$file>)) } // {};
}

sub set_disabled {
    my ($label, $is_disabled) = @_;
    my $disabled = read_disabled();
    return if exists $disabled->{$label} && !!$disabled->{$label} == $is_disabled;
    $disabled->{$label} = $is_disabled;
    my $node = [dict => [map { [$_, [$disabled->{$_} ? "true" : "false"]] } sort keys %$disabled]];
    open my $file, ">", "$DISABLED.new" or return;
    print {$file} Plist::to_xml($node);
    close $file;
    chmod 0644, "$DISABLED.new";
    rename "$DISABLED.new", $DISABLED;
    return;
}

# Reads and checks a plist; a job, or the number of the error that macOS 13 and later tell apart.
sub read_job {
    my ($path) = @_;
    my @stat = lstat $path or return 5;
    return 122 if -l _ || !-f _ || $stat[4] != 0 || $stat[2] & 022;
    open my $file, "<", $path or return 5;
    my $text  = do { local $/; <$file> };
    my $plist = eval { Plist::to_perl(Plist::parse($text)) };
    return 109 if ref $plist ne "HASH" || !length($plist->{Label} // "");
    my $argv = $plist->{ProgramArguments};
    return 111 if !defined $plist->{Program} && (ref $argv ne "ARRAY" || !@$argv);
    return LaunchdJob->new($path, $plist);
}

sub load_job {
    my ($path) = @_;
    my $job = read_job($path);
    return $job if !ref $job;
    return 37   if $JOBS{ $job->{label} };
    my $override = read_disabled()->{ $job->{label} };
    return 119 if $override // $job->{plist}{Disabled};
    $JOBS{ $job->{label} } = $job;
    $job->start                                           if $job->should_start_at_load;
    $job->{wake_at} = time + $job->{plist}{StartInterval} if !$job->is_running && $job->{plist}{StartInterval};
    return 0;
}

sub unload_job {
    my ($job, $then) = @_;
    $job->{is_leaving} = 1;
    $job->stop(
        sub {
            delete $JOBS{ $job->{label} } if ($JOBS{ $job->{label} } // 0) == $job;
            $then->()                     if $then;
        }
    );
    return;
}

# `system/LABEL` -> label; other domains do not exist for daemons.
sub parse_target {
    my ($target) = @_;
    return $1 if ($target // "") =~ m{\Asystem/(.+)\z};
    return;
}

my %COMMANDS = (
    bootstrap        => \&bootstrap,
    bootout          => \&bootout,
    kickstart        => \&kickstart,
    kill             => \&kill_job,
    enable           => sub { set_enabled(1, @_) },
    disable          => sub { set_enabled(0, @_) },
    print            => \&print_target,
    "print-disabled" => \&print_disabled,
    list             => \&list_jobs,
    load             => \&LaunchdLegacy::load,
    unload           => \&LaunchdLegacy::unload,
    start            => \&LaunchdLegacy::start,
    stop             => \&LaunchdLegacy::stop,
    remove           => \&LaunchdLegacy::remove,
    blame            => \&blame,
);

sub handle {
    my ($request, $reply) = @_;
    my $command = $COMMANDS{ $request->{words}[0] };
    return $reply->(64, "", "Unrecognized subcommand: $request->{words}[0]\n") if !$command;
    $request->{args} = [@{ $request->{words} }[1 .. $#{ $request->{words} }]];
    return $command->($request, $reply);
}

sub failed {
    my ($reply, $verb, $code) = @_;
    my $more = $code == 5 ? "Try re-running the command as root for richer errors.\n" : "";
    return $reply->($code, "", "$verb failed: $code: " . error_text($code) . "\n$more");
}

sub not_found {
    my ($reply, $label) = @_;
    my $first = macos_major() >= 13 ? "Bad request.\n" : "";
    return $reply->(113, "", "${first}Could not find service \"$label\" in domain for system\n");
}

# Before macOS 13 nearly everything was 5.
sub bootstrap {
    my ($request, $reply) = @_;
    my ($domain,  @paths) = @{ $request->{args} };
    return $reply->(64, "", "Usage: launchctl bootstrap <domain-target> [service-path1, service-path2, ...]\n")
        if !@paths;
    return failed($reply, "Bootstrap", 125) if $domain ne "system";
    return failed($reply, "Bootstrap", 5)   if $request->{uid} != 0;
    my $worst = 0;
    for my $path (@paths) {
        my $code = load_job($path);
        $worst = $code if $code;
    }
    $worst = 5 if $worst && ($worst == 109 || $worst == 111 || macos_major() < 13);
    return $worst ? failed($reply, "Bootstrap", $worst) : $reply->(0, "", "");
}

sub bootout {
    my ($request, $reply) = @_;
    my @args        = @{ $request->{args} };
    my $should_wait = @args && $args[0] eq "--wait" && shift @args;
    my ($target, $path) = @args;
    return $reply->(64, "", "Usage: launchctl bootout <domain-target> [service-path] | <service-target>\n")
        if !defined $target;
    my $label = parse_target($target);
    if (!defined $label && $target eq "system" && defined $path) {
        my $job = read_job($path);
        $label = ref $job ? $job->{label} : "";
    }
    return failed($reply, "Boot-out", 1)   if $request->{uid} != 0;
    return failed($reply, "Boot-out", 125) if !defined $label;
    my $job = $JOBS{$label} or return failed($reply, "Boot-out", 3);
    return failed($reply, "Boot-out", 36) if $job->{is_leaving} && !$should_wait;
    my $is_done;
    unload_job($job, sub { $reply->(0, "", "") if !$is_done++ });
    push @TIMERS, [time + 0.15, sub { failed($reply, "Boot-out", 36) if !$is_done++ }] if !$is_done && !$should_wait;
    return;
}

sub kickstart {
    my ($request, $reply) = @_;
    my ($is_restart, $should_print, $target);
    for my $word (@{ $request->{args} }) {
        if ($word =~ /\A-[kps]+\z/) { $is_restart ||= $word =~ /k/; $should_print ||= $word =~ /p/ }
        else                        { $target = $word }
    }
    my $label = parse_target($target)
        // return $reply->(64, "", "Usage: launchctl kickstart [-k] [-p] <service-target>\n");
    my $job = $JOBS{$label} or return not_found($reply, $label);
    return $reply->(1, "", "Could not kickstart service \"$label\": 1: Operation not permitted\n") if $request->{uid};
    my $answer = sub { $job->start; $reply->(0, $should_print ? "$job->{pid}\n" : "", "") };
    return $answer->() if !$is_restart || !$job->is_running;
    return $job->stop($answer);
}

sub kill_job {
    my ($request, $reply)  = @_;
    my ($signal,  $target) = @{ $request->{args} };
    my $label = parse_target($target)
        // return $reply->(64, "", "Usage: launchctl kill <signal-name|signal-number> <service-target>\n");
    my $job = $JOBS{$label} or return not_found($reply, $label);
    return $reply->(1, "", "Not privileged to signal service.\n") if $request->{uid} != 0;
    return $reply->(3, "", "No process to signal.\n")             if !$job->is_running;
    kill $signal =~ s/^SIG//r, $job->{pid};
    return $reply->(0, "", "");
}

sub set_enabled {
    my ($is_enabled, $request, $reply) = @_;
    my $label = parse_target($request->{args}[0]);
    return $reply->(64, "", "Usage: launchctl @{[$is_enabled ? 'enable' : 'disable']} <service-target>\n")
        if !defined $label;
    return $reply->(1, "", "Operation not permitted\n") if $request->{uid} != 0;
    set_disabled($label, !$is_enabled);
    return $reply->(0, "", "");
}

sub print_target {
    my ($request, $reply) = @_;
    my $target = $request->{args}[0] // "";
    return $reply->(0, LaunchdPrint::domain_text(\%JOBS), "") if $target eq "system";
    my $label = parse_target($target) // return $reply->(112, "", "Bad request.\nCould not find domain for $target\n");
    my $job   = $JOBS{$label} or return not_found($reply, $label);
    return $reply->(0, LaunchdPrint::job_text($job), "");
}

sub print_disabled {
    my ($request, $reply) = @_;
    my $disabled = read_disabled();
    my ($pad, @word) = macos_major() >= 13 ? ("\t", "enabled", "disabled") : ("", "false", "true");
    my $lines = join "", map {"$pad\t\"$_\" => $word[$disabled->{$_} ? 1 : 0]\n"} sort keys %$disabled;
    return $reply->(0, "${pad}disabled services = {\n$lines$pad}\n", "");
}

sub list_jobs {
    my ($request, $reply) = @_;
    my $label = $request->{args}[0];
    if (defined $label) {
        my $job = $request->{uid} == 0 ? $JOBS{$label} : undef;
        return $reply->(113, "",
            "Could not find service \"$label\" in domain for " . ($request->{uid} ? "port\n" : "system\n"))
            if !$job;
        return $reply->(0, LaunchdPrint::list_text($job), "");
    }
    my @jobs = $request->{uid} == 0 ? map { $JOBS{$_} } sort keys %JOBS : ();
    my $rows = join "", map { join("\t", $_->{pid} // "-", $_->list_status, $_->{label}) . "\n" } @jobs;
    return $reply->(0, "PID\tStatus\tLabel\n$rows", "");
}

sub blame {
    my ($request, $reply) = @_;
    my $label = parse_target($request->{args}[0])
        // return $reply->(64, "", "Usage: launchctl blame <service-target>\n");
    my $job = $JOBS{$label} or return not_found($reply, $label);
    return $reply->(0, $job->{runs} ? LaunchdPrint::reason($job) . "\n" : "(not running)\n", "");
}

1;
