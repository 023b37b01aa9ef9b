#!/usr/bin/perl
# A builder's day, 2: a source is unpacked, "compiled" (each file is read, three outputs are written, objects of earlier files
# are looked at), installed and recorded, as opam does with a package.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path remove_tree);

my ($archive, $root) = @ARGV;
my ($build, $lib) = ("$root/build", "$root/lib");
make_path($build, $lib, "$root/.opam-switch/install");
system('tar', '-C', $build, '-xf', $archive) == 0 or die 'tar';
my @installed;
for my $dir (1 .. 20) {
    make_path("$lib/d$dir");
    for my $file (1 .. 100) {
        my $base = "$build/tree/d$dir/s$file";
        open my $in, '<', "$base.ml" or die "$base: $!";
        my $text = do { local $/; <$in> };
        close $in;
        -e "$build/tree/d$dir/s$_.cmi" for (1 .. 5);
        -e "$lib/d$_/s$file.cmi" for (1 .. 3);
        for my $kind (qw(cmi cmx o)) {
            open my $to, '>', "$base.$kind.tmp" or die $!;
            print $to $text;
            close $to;
            rename "$base.$kind.tmp", "$base.$kind" or die $!;
        }
        next if $file % 4;
        copy("$base.$_", "$lib/d$dir/s$file.$_") or die $! for qw(cmi cmx);
        push @installed, "d$dir/s$file";
    }
}
open my $record, '>', "$root/.opam-switch/install/pkg.changes" or die $!;
print $record "$_\n" for @installed;
close $record;
remove_tree($build);
