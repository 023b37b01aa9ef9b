#!/usr/bin/perl
# A builder's day, 1: a keg of 5,000 files is poured from an archive, made read-only where it must be, and every file is
# linked into the prefix, as Homebrew does.
use strict;
use warnings;
use File::Find;
use File::Path qw(make_path);

my ($archive, $work) = @ARGV;
my ($keg, $linked, $count) = ("$work/keg/pkg/1.0", "$work/linked", 0);
make_path($keg, $linked);
system('tar', '-C', $keg, '-xf', $archive) == 0 or die 'tar';
find({no_chdir => 1, wanted => sub {
    return unless -f $_ && $count++ < 5000;
    my $relative = substr($_, length($keg) + 1);
    my ($dir) = $relative =~ m{(.*)/};
    make_path("$linked/$dir") unless -d "$linked/$dir";
    chmod 0444, $_ or die "$_: $!";
    symlink $_, "$linked/$relative" or die "$relative: $!";
    -e "$linked/$relative" or die "$relative: dangling";
}}, $keg);
open my $receipt, '>', "$keg/INSTALL_RECEIPT.json.new" or die $!;
print $receipt "{\"files\":$count}\n";
close $receipt;
rename "$keg/INSTALL_RECEIPT.json.new", "$keg/INSTALL_RECEIPT.json" or die $!;
