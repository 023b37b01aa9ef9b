package SimKext;

# The kernel extensions that kmutil and kextstat list. From 5.0 on macFUSE's id ends with the Darwin major.

use strict;
use Exporter 'import';
use Sim;

our @EXPORT = qw(kext_table macfuse_kext_id KEXT_HEADER);

use constant KEXT_HEADER => "Index Refs Address            Size       Wired      Name (Version) UUID <Linked Against>\n";

sub macfuse_kext_id {
    my $id = 'io.macfuse.filesystems.macfuse';
    return $id if state('macfuse', '') !~ /^(\d+)/ || $1 < 5;
    return "$id." . (darwin_release() =~ /^(\d+)/)[0];
}

sub kext_table {
    my ($only_id) = @_;
    my $darwin = darwin_release();
    my @rows = (
        [1, 103, '0', "com.apple.kpi.bsd ($darwin) 7FAA9B2B-3B74-3A1F-8F0E-8C0B8A4C5D10 <>"],
        [2, 9, '0', "com.apple.kpi.dsep ($darwin) 1F2E5B60-6A4D-3C9B-9F5E-2B3C4D5E6F70 <>"],
        [3, 131, '0', "com.apple.kpi.iokit ($darwin) 4B0C6C8E-2D6A-3C43-A4D0-0A1B2C3D4E5F <>"],
    );
    if (kext_state() eq 'loaded') {
        my $version = state('macfuse_kext_version', macfuse_kext_id() =~ /macfuse$/ ? '2128.20' : state('macfuse'));
        my $is_old = macfuse_kext_id() =~ /macfuse$/;
        push @rows, [$is_old ? 250 : 189, 0, $is_old ? '0x18b0' : '0x20b0',
            macfuse_kext_id() . " ($version) BBB320C0-222A-3582-85BE-3C47BA8FAD36 <7 5 4 3 1>"];
    }
    my $text = KEXT_HEADER;
    for (@rows) {
        my ($index, $refs, $size, $rest) = @$_;
        next if defined $only_id && $rest !~ /^\Q$only_id\E /;
        $text .= sprintf "%5d %4d %-18s %-10s %-10s %s\n", $index, $refs, '0', $size, $size, $rest;
    }
    return $text;
}

1;
