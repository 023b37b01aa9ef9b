package LaunchdLegacy;

# launchctl's verbs from before macOS 10.11, which scripts still use: load, unload, start, stop, remove.

use strict;
use warnings;

# The legacy verbs answer 0 whatever happens; their messages are all a caller gets.
sub load {
    my ($request, $reply) = @_;
    my @paths       = grep { !/^-/ } @{ $request->{args} };
    my $is_override = grep {/^-\w*w/} @{ $request->{args} };
    my $errors      = "";
    for my $path (@paths) {
        my $job = LaunchdControl::read_job($path);
        LaunchdControl::set_disabled($job->{label}, 0) if ref $job && $is_override && $request->{uid} == 0;
        my $code = $request->{uid} == 0 ? LaunchdControl::load_job($path) : 5;
        $errors .= "Load failed: 5: Input/output error\nTry running `launchctl bootstrap` as root for richer errors.\n"
            if $code;
    }
    return $reply->(0, "", $errors);
}

sub unload {
    my ($request, $reply) = @_;
    my @paths       = grep { !/^-/ } @{ $request->{args} };
    my $is_override = grep {/^-\w*w/} @{ $request->{args} };
    my $errors      = "";
    for my $path (@paths) {
        my $job = LaunchdControl::read_job($path);
        LaunchdControl::set_disabled($job->{label}, 1) if ref $job && $is_override && $request->{uid} == 0;
        my $loaded = ref $job && $request->{uid} == 0 ? $LaunchdControl::JOBS{ $job->{label} } : undef;
        if ($loaded) { LaunchdControl::unload_job($loaded) }
        else {
            $errors .=
                "Unload failed: 5: Input/output error\nTry running `launchctl bootout` as root for richer errors.\n";
        }
    }
    return $reply->(0, "", $errors);
}

sub start {
    my ($request, $reply) = @_;
    my $job = $LaunchdControl::JOBS{ $request->{args}[0] // "" };
    return $reply->(3, "", "") if !$job || $request->{uid} != 0;
    $job->start;
    return $reply->(0, "", "");
}

sub stop {
    my ($request, $reply) = @_;
    my $job = $LaunchdControl::JOBS{ $request->{args}[0] // "" };
    return $reply->(3, "", "") if !$job || $request->{uid} != 0;
    if ($job->is_running) {
        $job->stop(sub { $job->plan_restart });
    }
    return $reply->(0, "", "");
}

sub remove {
    my ($request, $reply) = @_;
    my $job = $LaunchdControl::JOBS{ $request->{args}[0] // "" };
    return $reply->(3, "", "") if !$job || $request->{uid} != 0;
    LaunchdControl::unload_job($job);
    return $reply->(0, "", "");
}

1;
