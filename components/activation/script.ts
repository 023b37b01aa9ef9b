import { STATE_DIR } from "../../host/host.js";
import { quoteWord, sh } from "../../host/quote.js";
import { publishedPath } from "../../builder/build/recipe.js";

export const ACTIVATIONS_DIR = `${STATE_DIR}/activations`;

/**
 * Flips all links, or none: what they pointed at is noted first, each is replaced by a rename, each must lead to its
 * folder afterwards, and any failure puts the old ones back. Then the whole set becomes a new generation. Prints
 * `generation N`. Refuses (exit 3) what is not a link of ours.
 */
export function renderActivateScript(images: Readonly<Record<string, string>>): string {
  const wanted = Object.entries(images).map(([image, recipe]) => `${image} ${publishedPath(image, recipe)} ${recipe}`);
  return sh`dir=${ACTIVATIONS_DIR}
mkdir -p "$dir"
exec /usr/bin/perl -e ${FLIP} "$dir" ${wanted}
`;
}

/** Removes links that lead to a publication; another's link or folder of that name stays. */
export function renderDeactivateScript(images: readonly string[]): string {
  return images
    .map((image) => {
      const path = quoteWord(`/Users/${image}`);
      return `case $(readlink ${path} 2>/dev/null) in ${quoteWord(`/Users/${image}@`)}*) rm -f ${path} ;; esac\n`;
    })
    .join("");
}

const FLIP = `
use strict; use warnings;
my ($dir, @wanted) = @ARGV; my (@done, $failure);
sub flip { my ($link, $target) = @_; my $new = "$link.macfoundry-new"; unlink $new; symlink $target, $new or die "$new: $!\\n"; rename $new, $link or die "$link: $!\\n"; }
sub numbers { opendir my $d, $dir or die "$dir: $!\\n"; return sort { $a <=> $b } grep { /^\\d+$/ } readdir $d }
my %linked;
for my $number (numbers()) { open my $f, "<", "$dir/$number" or next; while (<$f>) { $linked{$1} = 1 if /^(\\S+) / } }
for (@wanted) {
  my ($image, $path) = split / /; my $link = "/Users/$image";
  if (!-d $path or -l $path) { print STDERR "$path is not there\\n"; exit 4; }
  my $old = readlink $link;
  if ((-e $link or -l $link) and !(defined $old and ($linked{$image} or $old =~ m{^/Users/\\Q$image\\E@}))) { print STDERR "$link is there and is not a link of ours\\n"; exit 3; }
}
eval {
  for (@wanted) {
    my ($image, $path) = split / /; my $link = "/Users/$image"; my $old = readlink $link;
    next if defined $old and $old eq $path;
    flip($link, $path); push @done, [$link, $old];
  }
  for (@wanted) { my ($image, $path) = split / /; die "/Users/$image does not lead to $path\\n" unless -d "/Users/$image/." and readlink("/Users/$image") eq $path; }
  my @numbers = numbers();
  my $number = (@numbers ? $numbers[-1] : 0) + 1;
  open my $f, ">", "$dir/.new" or die "$dir/.new: $!\\n";
  print $f map { my ($image, $path, $recipe) = split / /; "$image $recipe\\n" } sort @wanted; close $f or die "$dir/.new: $!\\n";
  rename "$dir/.new", "$dir/$number" or die "$dir/$number: $!\\n";
  print "generation $number\\n"; 1;
} or do {
  $failure = $@;
  for (reverse @done) { my ($link, $old) = @$_; eval { defined $old ? flip($link, $old) : unlink $link; }; }
  print STDERR $failure; exit 1;
};
`;
