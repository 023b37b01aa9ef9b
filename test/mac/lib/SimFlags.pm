package SimFlags;

# BSD file flags (chflags). Linux keeps them in the attribute user.sim.flags; uchg and schg are backed by the
# immutable bit besides, so that the refusal is real. Links carry no flags here (a deviation).

use strict;
use Exporter 'import';
use Config ();

our @EXPORT_OK = qw(read_flags write_flags flag_names parse_flags %FLAG_BIT);

our %FLAG_BIT = (
    nodump => 0x1, uchg => 0x2, uappnd => 0x4, opaque => 0x8, hidden => 0x8000,
    arch => 0x10000, schg => 0x20000, sappnd => 0x40000,
);
my %alias = (uchange => 'uchg', uimmutable => 'uchg', schange => 'schg', simmutable => 'schg', uappend => 'uappnd',
    sappend => 'sappnd', archived => 'arch');

my ($machine) = $Config::Config{archname} =~ /^(x86_64|aarch64)/;
my %call = ($machine // '') eq 'aarch64' ? (set => 5, get => 8, remove => 14) : (set => 188, get => 191, remove => 197);
use constant { ATTRIBUTE => 'user.sim.flags', GETFLAGS => 0x80086601, SETFLAGS => 0x40086602, IMMUTABLE => 0x10 };

sub read_flags {
    my ($path) = @_;
    return 0 if -l $path;
    my ($buffer, $attribute) = ("\0" x 32, ATTRIBUTE);
    my $length = syscall $call{get}, "$path", $attribute, $buffer, 32;
    return $length > 0 ? hex substr $buffer, 0, $length : 0;
}

# False with $! set when the system refuses.
sub write_flags {
    my ($path, $flags) = @_;
    return 1 if -l $path;
    return 1 if read_flags($path) == $flags;
    set_immutable($path, 0) or return 0;
    my ($done, $attribute) = (0, ATTRIBUTE);
    if ($flags == 0) { $done = syscall($call{remove}, "$path", $attribute) == 0 || $!{ENODATA} }
    else {
        my $text = sprintf '%x', $flags;
        $done = syscall($call{set}, "$path", $attribute, $text, length $text, 0) == 0;
    }
    return 0 unless $done;
    return $flags & ($FLAG_BIT{uchg} | $FLAG_BIT{schg}) ? set_immutable($path, 1) : 1;
}

# Only root may set the bit on Linux; an owner's uchg is then only a flag to read.
sub set_immutable {
    my ($path, $on) = @_;
    return 1 unless -f $path || -d _;
    open my $fh, '<', $path or return 1;
    my $word = pack 'L!', 0;
    ioctl $fh, GETFLAGS, $word or return 1;
    my $bits = unpack 'L!', $word;
    my $new = $on ? $bits | IMMUTABLE : $bits & ~IMMUTABLE;
    return 1 if $new == $bits;
    $word = pack 'L!', $new;
    return 1 if ioctl $fh, SETFLAGS, $word;
    return $on ? 1 : 0;
}

sub flag_names {
    my ($flags) = @_;
    my @names = grep { $flags & $FLAG_BIT{$_} } qw(uchg uappnd opaque nodump hidden arch schg sappnd);
    return @names ? join ',', @names : '-';
}

# "nouchg,hidden" or an octal number -> (bits to set, bits to clear), or the word that is no flag as third value.
sub parse_flags {
    my ($text) = @_;
    return (oct($text), ~oct($text) & 0xffffffff) if $text =~ /^[0-7]+$/;
    my ($set, $clear) = (0, 0);
    for my $word (split /,/, $text) {
        my $name = $alias{$word} // $word;
        my $off = $name eq 'dump' || ($name ne 'nodump' && $name =~ s/^no//);
        $name = 'nodump' if $name eq 'dump';
        $name = $alias{$name} // $name;
        return (0, 0, $text) unless $FLAG_BIT{$name};
        if ($off) { $clear |= $FLAG_BIT{$name} }
        else { $set |= $FLAG_BIT{$name} }
    }
    return ($set, $clear);
}

1;
