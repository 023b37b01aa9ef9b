package SimState;

# The part of Sim.pm about the state of the Mac as a whole: SIP, macFUSE's kext, Full Disk Access, its names. Loaded when
# it is first needed.

use strict;

sub set_state {
    my ($key, $value) = @_;
    open my $fh, '>', "$Sim::STATE_DIR/$key.$$" or Sim::fail(1, "cannot keep state $key: $!");
    print $fh "$value\n";
    close $fh;
    rename "$Sim::STATE_DIR/$key.$$", "$Sim::STATE_DIR/$key" or Sim::fail(1, "cannot keep state $key: $!");
}

# Darwin's major is macOS's plus 9 up to 15; macOS 26 is Darwin 25.
sub darwin_release {
    my ($major, $minor) = split /\./, Sim::state('macos', '14.0');
    return Sim::state('darwin', ($major >= 26 ? $major - 1 : $major + 9) . '.' . ($minor || 0) . '.0');
}

sub host_name {
    my $name = Sim::state('hostname');
    return $name if defined $name && length $name;
    return Sim::state('localhostname', Sim::state('computername', 'mac') =~ s/[^A-Za-z0-9-]+/-/gr) . '.local';
}

sub has_fault { return -e "$Sim::STATE_DIR/faults/$_[0]" }

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

sub is_job {
    open my $fh, '<', "/proc/$_[0]/environ" or return 0;
    my $environment = do { local $/; <$fh> } // '';
    return $environment =~ /(?:^|\0)XPC_SERVICE_NAME=(?!0?(?:\0|\z))/;
}

# TCC decides by the responsible process: a session of sshd has what the Sharing pane granted, a launchd job has
# nothing unless it was granted to that program itself.
sub has_full_disk_access {
    my $granted = !has_fault('no-full-disk-access') && Sim::state('fda', 'yes') eq 'yes';
    my $pid = $$;
    for (1 .. 64) {
        open my $fh, '<', "/proc/$pid/stat" or last;
        my ($comm, $parent) = <$fh> =~ /\((.*)\) \S (\d+)/s or last;
        return $granted if $comm =~ /^sshd/;
        # launchd names the job in the environment; sudo drops that for its child, not for itself.
        return 0 if is_job($pid);
        last if $parent <= 1;
        $pid = $parent;
    }
    return $granted;
}

# TCC's own database: even root reads it only with Full Disk Access (macOS 10.14 and newer).
sub refuse_protected {
    for my $path (@_) {
        next unless $path =~ m{^/Library/Application Support/com\.apple\.TCC(?:/|\z)};
        Sim::fail(1, "$path: Operation not permitted") unless has_full_disk_access();
    }
}

# On a Mac these commands put a window on the console; tests assert that none was opened.
sub note_dialog {
    my ($text) = @_;
    (my $log = $Sim::STATE_DIR) =~ s{/state/?\z}{/log/dialogs};
    open my $fh, '>>', $log or return;
    print $fh time, "\t$text\n";
}

1;
