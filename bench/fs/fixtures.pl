#!/usr/bin/perl
# Makes what the benchmark reads: a Cellar of 50,000 files, 600 headers, a repository of 10,000 files, a source archive.
use strict;
use warnings;
use File::Path qw(make_path);

my ($tree, $data) = @ARGV;

sub put {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print $file $text;
    close $file;
}

my $n = 0;
for my $package (1 .. 20) {
    for my $version (1 .. 10) {
        for my $part (1 .. 10) {
            my $dir = sprintf '%s/Cellar/pkg%02d/1.%d/lib%02d', $tree, $package, $version, $part;
            make_path($dir);
            put(sprintf('%s/file%02d.h', $dir, $_), "int f${\ ++$n}(void);\n" x (1 + $n % 40)) for 1 .. 25;
        }
    }
}
make_path("$tree/include/bench", "$tree/bin", "$tree/work", "$tree/Homebrew");
for my $i (1 .. 600) {
    my $text = "#ifndef H$i\n#define H$i\n";
    $text .= '#include <bench/h' . ($i + 1) . ".h>\n" if $i % 100;
    $text .= "static inline int fn$i(int x){return x+$i;}\n";
    $text .= "#define M${i}_$_ $_\n" for 1 .. 20;
    put("$tree/include/bench/h$i.h", "$text#endif\n");
}
put("$data/t.c", join('', map { "#include <bench/h$_.h>\n" } (1, 101, 201, 301, 401, 501))
      . "#include <stdio.h>\nint main(void){printf(\"%d\\n\",fn1(1)+fn600(2));return 0;}\n");
for my $dir (1 .. 100) {
    mkdir "$tree/Homebrew/f$dir";
    put("$tree/Homebrew/f$dir/r$_.rb", "class R$_; end\n" x 20) for 1 .. 100;
}
make_path("$data/tree");
for my $dir (1 .. 60) {
    mkdir "$data/tree/d$dir";
    put("$data/tree/d$dir/s$_.ml", "let x_$_ = $_ (* filler *)\n" x (5 + ($dir * $_) % 120)) for 1 .. 100;
}
system('tar', '-C', $data, '-cf', "$data/source.tar", 'tree') == 0 or die 'tar';
system('rm', '-rf', "$data/tree");
