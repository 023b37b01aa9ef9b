import { quoteWord } from "../../host/quote.js";
import type { FactSource } from "../resource.js";

/** What lies at `/Users/<name>`: a link's target, or that something else is there. */
export type Alias = { kind: "link"; target: string; isDangling: boolean } | { kind: "other" };

export interface ActivationFacts {
  aliases: Map<string, Alias>;
  /** Recipes published on this Mac, by the path of the publication. */
  recipes: Map<string, string>;
  /** Images that an activation of ours has linked before: their links are ours wherever they lead now. */
  linked: Set<string>;
  /** Number of the last generation; 0 before the first. */
  generation: number;
}

const PERL = `
use strict; use warnings;
sub names_in { my ($dir) = @_; opendir my $d, $dir or return (); return sort grep { $_ ne "." and $_ ne ".." } readdir $d }
for my $name (grep { !/^\\./ and !/@/ } names_in("/Users")) {
  my $target = readlink "/Users/$name";
  if (defined $target) { print "link $name ", (-e "/Users/$name" ? 0 : 1), " $target\\n" } else { print "other $name\\n" }
}
my $images = "/var/db/macfoundry/images";
for my $image (names_in($images)) { print "recipe /Users/$image\\@", substr($_, 0, 16), " $_\\n" for grep { /^[0-9a-f]{64}$/ } names_in("$images/$image") }
my @numbers = sort { $a <=> $b } grep { /^\\d+$/ } names_in("/var/db/macfoundry/activations");
for my $number (@numbers) { open my $f, "<", "/var/db/macfoundry/activations/$number" or next; while (<$f>) { print "linked $1\\n" if /^(\\S+) / } }
print "generation ", (@numbers ? $numbers[-1] : 0), "\\n";
`;

/** One perl, read-only. */
export const activationFacts: FactSource<ActivationFacts> = {
  name: "activation",
  script: `perl -e ${quoteWord(PERL)}\n`,
  parse(text) {
    const facts: ActivationFacts = { aliases: new Map(), recipes: new Map(), linked: new Set(), generation: 0 };
    for (const line of text.split("\n")) {
      const [kind = "", first = "", second = "", ...rest] = line.split(" ");
      if (kind === "link")
        facts.aliases.set(first, { kind: "link", target: rest.join(" "), isDangling: second === "1" });
      else if (kind === "other") facts.aliases.set(first, { kind: "other" });
      else if (kind === "recipe") facts.recipes.set(first, second);
      else if (kind === "linked") facts.linked.add(first);
      else if (kind === "generation") facts.generation = Number(first);
    }
    return facts;
  },
};
