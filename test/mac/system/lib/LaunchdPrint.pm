package LaunchdPrint;

# The texts of `launchctl print` and `launchctl list LABEL`, laid out as recorded on real Macs
# (samples/launchctl-print-*.txt); numbers that mean nothing here are constant.

use strict;
use warnings;

sub block {
    my ($indent, $name, @lines) = @_;
    return join "", "$indent$name = {\n", (map {"$indent\t$_\n"} @lines), "$indent}\n";
}

sub reason { return $_[0]{plist}{RunAtLoad} || $_[0]{plist}{KeepAlive} ? "speculative" : "non-ipc demand" }

sub job_text {
    my ($job)  = @_;
    my $plist  = $job->{plist};
    my $label  = $job->{label};
    my $active = $job->is_running ? 1 : 0;
    my $out    = "system/$label = {\n\tactive count = $active\n\tpath = $job->{path}\n\ttype = LaunchDaemon\n";
    $out .= "\tstate = $job->{state}\n\n\tprogram = $job->{program}\n";
    $out .= block("\t", "arguments", @{ $job->{argv} }) . "\n";
    $out .= "\tworking directory = $plist->{WorkingDirectory}\n\n" if defined $plist->{WorkingDirectory};

    for my $stream (["stdout", "StandardOutPath"], ["stderr", "StandardErrorPath"]) {
        $out .= "\t$stream->[0] path = $plist->{$stream->[1]}\n" if defined $plist->{ $stream->[1] };
    }
    $out .= block("\t", "default environment", "PATH => /usr/bin:/bin:/usr/sbin:/sbin") . "\n";
    my %environment = (OSLogRateLimit => 64, XPC_SERVICE_NAME => $label, %{ $plist->{EnvironmentVariables} // {} });
    $out .= block("\t", "environment", map {"$_ => $environment{$_}"} sort keys %environment) . "\n";
    $out .= "\tdomain = system\n";
    $out .= "\tusername = $plist->{UserName}\n" if defined $plist->{UserName};
    $out .= "\tgroup = $plist->{GroupName}\n"   if defined $plist->{GroupName};
    $out .= "\tminimum runtime = $job->{throttle}\n\texit timeout = $job->{exit_time}\n\truns = $job->{runs}\n";
    $out .= "\tpid = $job->{pid}\n"                       if $active;
    $out .= "\timmediate reason = " . reason($job) . "\n" if $job->{runs};
    $out .= "\tforks = 0\n\texecs = 1\n\tinitialized = 1\n\ttrampolined = 1\n\tstarted suspended = 0\n";
    $out .= "\tproxy started suspended = 0\n\tchecked allocations = 0 (queried = 1)\n";
    $out .= "\tchecked allocations reason = no host\n\tchecked allocations flags = 0x0\n";
    $out .= "\tlast exit code = " . $job->last_exit_text . "\n";
    my $signal = ($job->{last_status} // 0) & 127;
    $out .= "\tlast terminating signal = " . signal_text($signal) . "\n" if $signal;
    $out .= "\n";

    for my $coalition (["resource", 4782], ["jetsam", 4783]) {
        my ($type, $id) = @$coalition;
        $out .=
            block("\t", "$type coalition", "ID = $id", "type = $type", "state = active", "active count = 1",
            "name = $label")
            . "\n";
    }
    $out .=
        "\tspawn type = " . (($plist->{ProcessType} // "") eq "Interactive" ? "interactive (4)" : "daemon (3)") . "\n";
    $out .= "\tjetsam priority = 40\n\tjetsam memory limit (active) = (unlimited)\n";
    $out .= "\tjetsam memory limit (inactive) = (unlimited)\n\tjetsamproperties category = daemon\n";
    $out .= "\tjetsam thread limit = 32\n\tcpumon = default\n\n";
    my @properties = grep {defined} (
        $plist->{KeepAlive}       ? "keepalive" : undef,
        $plist->{RunAtLoad}       ? "runatload" : undef,
        defined $plist->{Program} ? undef       : "inferred program"
    );
    return $out . "\tproperties = " . join(" | ", @properties) . "\n}\n";
}

sub signal_text {
    my ($signal) = @_;
    my %name =
        (1 => "Hangup: 1", 2 => "Interrupt: 2", 6 => "Abort trap: 6", 9 => "Killed: 9", 11 => "Segmentation fault: 11",
        15 => "Terminated: 15");
    return $name{$signal} // "Signal $signal";
}

sub domain_text {
    my ($jobs) = @_;
    my @rows   = map { sprintf "%8s %6s  %s", $_->{pid} // 0, $_->{runs} ? $_->list_status : "-", $_->{label} }
        map { $jobs->{$_} } sort keys %$jobs;
    return
          "system = {\n\ttype = system\n\thandle = 0\n\tactive count = "
        . @rows . "\n\n"
        . block("\t", "services", map {"\t$_"} @rows) . "}\n";
}

sub list_text {
    my ($job) = @_;
    my $out = "{\n\t\"LimitLoadToSessionType\" = \"System\";\n\t\"Label\" = \"$job->{label}\";\n\t\"OnDemand\" = "
        . ($job->{plist}{KeepAlive} ? "false" : "true") . ";\n";
    $out .= "\t\"LastExitStatus\" = " . ($job->{last_status} // 0) . ";\n";
    $out .= "\t\"PID\" = $job->{pid};\n" if $job->is_running;
    $out .= "\t\"Program\" = \"$job->{program}\";\n";
    return $out . "\t\"ProgramArguments\" = (\n" . join("", map {"\t\t\"$_\";\n"} @{ $job->{argv} }) . "\t);\n};\n";
}

1;
