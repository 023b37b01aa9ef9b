package SimStat;

# The format language of BSD stat(1): %[flags][size][.prec][format][part]datum, on Linux's stat.

use strict;
use Exporter 'import';
use POSIX ();
use Sim;
use SimFlags ();

our @EXPORT = qw(format_stat mode_string);

my %TYPE = (
    oct '0040000' => ['Directory', '/', 'd'], oct '0120000' => ['Symbolic Link', '@', 'l'],
    oct '0100000' => ['Regular File', '', '-'], oct '0010000' => ['Fifo File', '|', 'p'],
    oct '0140000' => ['Socket', '=', 's'], oct '0060000' => ['Block Device', '', 'b'],
    oct '0020000' => ['Character Device', '', 'c'],
);

sub mode_string {
    my ($mode) = @_;
    my $text = $TYPE{ $mode & 0170000 }[2] // '?';
    for ([6, 04000, 's', 'S'], [3, 02000, 's', 'S'], [0, 01000, 't', 'T']) {
        my ($shift, $special, $with, $without) = @$_;
        my $bits = $mode >> $shift & 7;
        my $x = $mode & $special ? ($bits & 1 ? $with : $without) : $bits & 1 ? 'x' : '-';
        $text .= ($bits & 4 ? 'r' : '-') . ($bits & 2 ? 'w' : '-') . $x;
    }
    return "$text ";
}

# Nanoseconds and the time of birth are asked of the real stat, and only when a format wants them.
sub exact_times {
    my ($file, $context) = @_;
    return $context->{times} //= do {
        my %time;
        if (open my $out, '-|', Sim::real_path('stat'), '-c', '%.9X %.9Y %.9Z %.9W', '--', $file) {
            @time{qw(a m c B)} = split ' ', <$out> // '';
        }
        \%time;
    };
}

sub format_stat {
    my ($format, $file, $stat, %context) = @_;
    my $parts = qr/%([-+#0 ]*)(\d*)(?:\.(\d+))?([DOUXFS]?)([HML]?)(.)/s;
    $format =~ s{$parts|%}{ defined $6 ? field($file, $stat, \%context, $1, $2, $3, $4, $5, $6) : '%' }ge;
    return $format;
}

sub field {
    my ($file, $stat, $context, $flags, $width, $precision, $kind, $part, $datum) = @_;
    return "\n" if $datum eq 'n';
    return "\t" if $datum eq 't';
    return '%' if $datum eq '%';
    my ($dev, $ino, $mode, $nlink, $uid, $gid, $rdev, $size, $atime, $mtime, $ctime, $blksize, $blocks) = @$stat;
    my $default = { N => 'S', Y => 'S', T => 'S', R => 'S', p => 'O' }->{$datum} // 'U';
    my $kind_given = $kind;
    $kind ||= $default;
    my $value;
    if ($datum =~ /[amcB]/) {
        my %seconds = (a => $atime, m => $mtime, c => $ctime);
        $value = $seconds{$datum} // int(exact_times($file, $context)->{B} || 0);
        if ($kind eq 'S') { $value = POSIX::strftime($context->{time_format}, localtime $value) }
        elsif ($kind eq 'F') {
            my $exact = exact_times($file, $context)->{$datum} // "$value.000000000";
            $value = defined $precision && $precision < 9 ? substr $exact, 0, length($exact) - 9 + $precision : $exact;
            $value =~ s/\.\z//;
            return pad($value, $flags, $width);
        }
    }
    elsif ($datum eq 'p') {
        if ($kind eq 'S') {
            $value = mode_string($mode);
            $value = substr $value, { H => 1, M => 4, L => 7 }->{$part}, 3 if $part;
            $value = substr $value, 0, 10 if !$part;
        }
        else {
            $value = $part eq 'H' ? $mode >> 12 : $part eq 'M' ? $mode >> 9 & 7 : $part eq 'L' ? $mode & 0777 : $mode;
        }
    }
    elsif ($datum eq 'u') { $value = $kind eq 'S' ? getpwuid($uid) // $uid : $uid }
    elsif ($datum eq 'g') { $value = $kind eq 'S' ? getgrgid($gid) // $gid : $gid }
    elsif ($datum eq 'd' || $datum eq 'r') {
        my $number = $datum eq 'd' ? $dev : $rdev;
        $value = $part eq 'H' ? $number >> 8 & 0xfff : $part eq 'L' ? $number & 0xff : $number;
    }
    elsif ($datum eq 'Z') {
        $value = ($mode & 0170000) =~ /^(?:8192|24576)$/ ? ($rdev >> 8 & 0xfff) . ',' . ($rdev & 0xff) : $size;
        $kind = 'S';
    }
    elsif ($datum eq 'f') { $value = SimFlags::read_flags($file); $value = SimFlags::flag_names($value) if $kind eq 'S' }
    elsif ($datum eq 'N') { $value = $file }
    elsif ($datum eq 'R') { require Cwd; $value = Cwd::abs_path($file) // $file }
    elsif ($datum eq 'Y') {
        $value = -l $file ? readlink $file : '';
        $value = " -> $value" if length $value && $kind_given eq q{S};
    }
    elsif ($datum eq 'T') { my $type = $TYPE{ $mode & 0170000 } // ['???', '', '?']; $value = $part eq 'H' ? $type->[0]
        : $type->[1] || ($part ne 'H' && $mode & 0111 && ($mode & 0170000) == 0100000 ? '*' : '') }
    else {
        my %plain = (i => $ino, l => $nlink, z => $size, b => $blocks, k => $blksize, v => 0);
        $value = $plain{$datum};
        Sim::fail(1, "%$datum: bad format") unless defined $value;
    }
    return pad(defined $precision ? substr($value, 0, $precision) : $value, $flags, $width) if $kind eq 'S';
    my $prefix = $flags =~ /#/ ? { O => '0', X => '0x' }->{$kind} // '' : '';
    my $digits = { O => '%o', X => '%x' }->{$kind} ? sprintf { O => '%o', X => '%x' }->{$kind}, $value : $value;
    $digits = '0' x ($precision - length $digits) . $digits if defined $precision && $precision > length $digits;
    return pad(($value == 0 && $kind eq 'X' ? '' : $prefix) . $digits, $flags, $width);
}

sub pad {
    my ($text, $flags, $width) = @_;
    return $text if !length $width || length($text) >= $width;
    return $text . ' ' x ($width - length $text) if $flags =~ /-/;
    return ($flags =~ /0/ ? '0' : ' ') x ($width - length $text) . $text;
}

1;
