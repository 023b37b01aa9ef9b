/**
 * Functions in perl that say what a tree is. The first two don't look at times: two builds of one recipe differ there.
 *
 * `manifest(dir)`: sha256 over the top two levels (path, type, mode, uid, size of files, link target), for a look that
 * must be quick; undef when there is no such folder.
 * `tree_digest(dir)`: sha256 over all of it, with the content of each file.
 * `shape(dir)`: the same without contents but with the files' times, and the size on disk: for `store verify`.
 */
export const TREE_PERL = `
use Digest::SHA ();
sub entry_line {
  my ($path, $name, $with_content) = @_;
  my @s = lstat $path or return "$name gone\\n";
  my $type = -l _ ? "l" : -d _ ? "d" : -f _ ? "f" : "o";
  my $line = join "\\0", $name, $type, sprintf("%o", $s[2] & 07777), $s[4], ($type eq "f" ? $s[7] : ""), ($type eq "l" ? readlink $path : "");
  if ($with_content and $type eq "f") { my $d = Digest::SHA->new(256); $line .= "\\0" . (eval { $d->addfile($path, "b")->hexdigest } // "unreadable"); }
  return "$line\\n";
}
sub names_in { my ($dir) = @_; opendir my $d, $dir or return (); my @n = sort grep { $_ ne "." and $_ ne ".." } readdir $d; closedir $d; return @n }
sub manifest {
  my ($dir) = @_;
  return undef if -l $dir or !-d $dir;
  my $sum = Digest::SHA->new(256); my $count = 0;
  $sum->add(entry_line($dir, ".", 0));
  for my $one (names_in($dir)) {
    $sum->add(entry_line("$dir/$one", $one, 0)); last if ++$count > 20000;
    next if -l "$dir/$one" or !-d "$dir/$one";
    for my $two (names_in("$dir/$one")) { $sum->add(entry_line("$dir/$one/$two", "$one/$two", 0)); last if ++$count > 20000; }
  }
  return $sum->hexdigest;
}
sub tree_digest {
  my ($dir) = @_;
  my $sum = Digest::SHA->new(256); my @todo = ("");
  $sum->add(entry_line($dir, ".", 0));
  while (@todo) {
    my $rel = shift @todo; my @dirs;
    for my $name (names_in($rel eq "" ? $dir : "$dir/$rel")) {
      my $path = $rel eq "" ? $name : "$rel/$name";
      $sum->add(entry_line("$dir/$path", $path, 1));
      push @dirs, $path if !-l "$dir/$path" and -d "$dir/$path";
    }
    unshift @todo, @dirs;
  }
  return $sum->hexdigest;
}

# Without reading contents: every path's type, mode, uid, size, time of change to content and link target; and KiB on disk.
sub shape {
  my ($dir) = @_; my $sum = Digest::SHA->new(256); my $blocks = 0; my @todo = ("");
  while (@todo) {
    my $rel = shift @todo; my @dirs;
    for my $path ($rel eq "" ? (".") : (), map { $rel eq "" ? $_ : "$rel/$_" } names_in($rel eq "" ? $dir : "$dir/$rel")) {
      my @s = lstat "$dir/$path" or next;
      my $type = -l _ ? "l" : -d _ ? "d" : -f _ ? "f" : "o"; $blocks += $s[12];
      $sum->add(join("\\0", $path, $type, $s[2] & 07777, $s[4], ($type eq "f" ? $s[7] : ""), ($type eq "f" ? $s[9] : ""), ($type eq "l" ? readlink "$dir/$path" : "")), "\\n");
      push @dirs, $path if $type eq "d" and $path ne ".";
    }
    unshift @todo, @dirs;
  }
  return ($sum->hexdigest, int($blocks / 2));
}
`;
