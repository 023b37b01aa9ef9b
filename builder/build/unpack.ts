/**
 * Unpacks the stream of a copy (builder/copy/tar.ts) below the working folder, as the builder. Not tar(1): the stream
 * writes directories as type 0 with a slash at the end, which not every tar takes, and bsdtar (macOS) and GNU tar
 * differ on a link that stands for a directory on the way, as `~/local` does. Such links are followed, and what a file
 * replaces is removed first, so a link of the tree is never written through at its end.
 */
export const COPY_UNPACKER = `
use strict; use warnings; use Fcntl qw(O_WRONLY O_CREAT O_EXCL);
binmode STDIN; umask 022;
my (%long, @dirs);
sub fail { print STDERR "copy: $_[0]\\n"; exit 2 }
sub block { my $n = shift; my $data = ""; while (length $data < $n) { my $r = sysread STDIN, $data, $n - length $data, length $data; fail("the stream is cut off") unless $r; } return $data }
sub trim { my $s = shift; $s =~ s/\\0.*//s; return $s }
sub octal { my $s = trim(shift); $s =~ s/[^0-7]//g; return $s eq "" ? 0 : oct "0$s" }
sub ensure_parent { my ($path) = @_; return unless $path =~ m{^(.*)/[^/]+$}s; my $dir = $1; return if -d $dir; ensure_parent($dir); mkdir $dir, 0755 or fail("$dir: $!"); }
sub clear { my ($path) = @_; my @s = lstat $path or return; if (-d _) { rmdir $path or fail("$path: $!") } else { unlink $path or fail("$path: $!") } }
while (1) {
  my $header = block(512);
  last if $header =~ /^\\0/;
  my ($name, $mode, $size, $mtime, $type, $link) = (trim(substr $header, 0, 100), octal(substr $header, 100, 8), octal(substr $header, 124, 12), octal(substr $header, 136, 12), substr($header, 156, 1), trim(substr $header, 157, 100));
  my $padded = int(($size + 511) / 512) * 512;
  if ($type =~ /[LKx]/) { my $text = substr block($padded), 0, $size; if ($type eq "x") { $long{size} = $1 if $text =~ / size=(\\d+)\\n/ } else { $long{$type} = trim($text) } next; }
  $name = $long{L} if defined $long{L}; $link = $long{K} if defined $long{K};
  if (defined $long{size}) { $size = $long{size}; $padded = int(($size + 511) / 512) * 512; }
  %long = ();
  fail("$name leads out of the tree") if grep { $_ eq ".." } split m{/}, $name;
  my $is_dir = $name =~ s{/+$}{};
  $name = "." if $name eq "";
  ensure_parent($name);
  if ($is_dir) {
    unless (-d $name) { clear($name); mkdir $name, 0755 or fail("$name: $!"); }
    push @dirs, [$name, $mode, $mtime];
  } elsif ($type eq "2") {
    clear($name); symlink $link, $name or fail("$name: $!");
  } else {
    clear($name);
    sysopen my $out, $name, O_WRONLY | O_CREAT | O_EXCL, 0600 or fail("$name: $!");
    my $left = $padded; my $keep = $size;
    while ($left > 0) {
      my $n = $left < 1 << 18 ? $left : 1 << 18; my $data = block($n); $left -= $n;
      my $use = $keep < $n ? $keep : $n; my $done = 0;
      while ($done < $use) { my $w = syswrite $out, $data, $use - $done, $done; defined $w or fail("$name: $!"); $done += $w; }
      $keep -= $use;
    }
    close $out or fail("$name: $!");
    chmod $mode, $name or fail("$name: $!"); utime $mtime, $mtime, $name;
  }
}
# Directories last, deepest first: filling one changes its time. What is not the builder's (the prefix itself) stays.
for (reverse @dirs) { my ($name, $mode, $mtime) = @$_; chmod $mode, $name; utime $mtime, $mtime, $name; }
`;
