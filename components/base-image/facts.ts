import { TREE_PERL } from "../../builder/store/digest.js";
import { quoteWord } from "../../host/quote.js";
import type { Receipt } from "../../builder/build/publish.js";
import type { FactSource } from "../resource.js";

/** What a quick look says of one publication. */
export interface ImageFacts {
  receipt: Receipt;
  /** `whole`, or what differs: missing, altered (top two levels). */
  published: string;
  /** Steps of its chain (from 1) whose result is not in the store. */
  missingSteps: number[];
  /** Steps whose database row is missing or has a wrong count; undefined while another program writes the database. */
  rowTrouble: string[] | undefined;
}

export interface BaseImageFacts {
  /** Image name to its publications. */
  images: Map<string, ImageFacts[]>;
  /** Image name to what `/Users/<image>` points at. */
  aliases: Map<string, string>;
}

/**
 * One perl for all images of a Mac, read-only to the last byte: the database is opened \`immutable\`, because any other
 * way SQLite makes and removes files beside it; while a \`-wal\` file is there that would be the wrong answer, so nothing
 * is said. Folders of more than 20,000 entries are looked at that far; all of it ends within 20 seconds.
 */
const PERL = `${TREE_PERL}
use strict; use warnings; alarm 20; $| = 1;
my $images = "/var/db/macfoundry/images"; my %roots;
for my $image (names_in($images)) {
  for my $recipe (grep { /^[0-9a-f]{64}$/ } names_in("$images/$image")) {
    open my $f, "<", "$images/$image/$recipe" or next; my $line = <$f>; close $f; next unless defined $line; chomp $line;
    print "receipt $image $recipe $line\\n";
    my $path = "/Users/$image\\@" . substr $recipe, 0, 16;
    print "manifest $image $recipe ", (manifest($path) // "missing"), "\\n";
    my ($root) = $line =~ /"root":"([^"]+)"/; my ($ids) = $line =~ /"ids":\\[([^\\]]*)\\]/;
    for my $id ($ids =~ /[0-9a-f]{64}/g) {
      print "lost $image $recipe $id\\n" unless -d "$root/result/$id/rootfs" and -e "$root/result/$id/env";
      $roots{$root}{$id} = 1;
    }
  }
  my $alias = readlink "/Users/$image"; print "alias $image $alias\\n" if defined $alias;
}
for my $root (sort keys %roots) {
  my $db = "$root/state/db/db.sqlite";
  if (-e "$db-wal" and -s _) { print "writing $root\\n"; next; }
  open my $sql, "-|", "/usr/bin/sqlite3", "-batch", "file:$db?immutable=1", "select id, rc, (select count(*) from builds c where c.parent = b.id) from builds b" or next;
  while (my $row = <$sql>) { my ($id, $rc, $children) = $row =~ /^([0-9a-f]{64})\\|(-?\\d+)\\|(\\d+)/ or next; print "row $root $id $rc $children\\n" if $roots{$root}{$id}; }
  close $sql; print "read $root\\n" if $? == 0;
}
print "end\\n";
`;

export const baseImageFacts: FactSource<BaseImageFacts> = {
  name: "base-image",
  script: `perl -e ${quoteWord(PERL)} 2>/dev/null\n`,
  parse: parseImages,
};

export function parseImages(text: string): BaseImageFacts {
  const images = new Map<string, ImageFacts[]>();
  const aliases = new Map<string, string>();
  const rows = new Map<string, { rc: number; children: number }>();
  const readable = new Set<string>();
  const known = new Map<string, ImageFacts>();
  for (const line of text.split("\n")) {
    const [, kind = "", first = "", rest = ""] = /^(\S+) (\S+) ?(.*)$/.exec(line) ?? [];
    const [recipe = "", value = ""] = [rest.slice(0, 64), rest.slice(65)];
    if (kind === "receipt") {
      const receipt = parseReceipt(value);
      if (receipt === undefined) continue;
      const facts: ImageFacts = { receipt, published: "missing", missingSteps: [], rowTrouble: undefined };
      known.set(`${first} ${recipe}`, facts);
      images.set(first, [...(images.get(first) ?? []), facts]);
    } else if (kind === "manifest") {
      const facts = known.get(`${first} ${recipe}`);
      if (facts !== undefined)
        facts.published = value === "missing" ? "missing" : value === facts.receipt.manifest ? "whole" : "altered";
    } else if (kind === "lost") {
      const facts = known.get(`${first} ${recipe}`);
      if (facts !== undefined) facts.missingSteps.push(facts.receipt.ids.indexOf(value) + 1);
    } else if (kind === "alias") aliases.set(first, rest);
    else if (kind === "read") readable.add(first);
    else if (kind === "row") {
      const [id = "", rc = "", children = ""] = rest.split(" ");
      rows.set(`${first} ${id}`, { rc: Number(rc), children: Number(children) });
    }
  }
  for (const facts of known.values()) facts.rowTrouble = findRowTrouble(facts, rows, readable);
  return { images, aliases };
}

function findRowTrouble(
  facts: ImageFacts,
  rows: ReadonlyMap<string, { rc: number; children: number }>,
  readable: ReadonlySet<string>,
): string[] | undefined {
  const { root, ids } = facts.receipt;
  if (!readable.has(root)) return undefined;
  return ids.flatMap((id, index) => {
    if (facts.missingSteps.includes(index + 1)) return [];
    const row = rows.get(`${root} ${id}`);
    if (row === undefined) return [`step ${index + 1} has no row`];
    return row.rc === row.children ? [] : [`step ${index + 1} counts ${row.rc} children, has ${row.children}`];
  });
}

function parseReceipt(text: string): Receipt | undefined {
  try {
    const receipt = JSON.parse(text) as Receipt;
    return typeof receipt.recipe === "string" && Array.isArray(receipt.ids) ? receipt : undefined;
  } catch {
    return undefined;
  }
}
