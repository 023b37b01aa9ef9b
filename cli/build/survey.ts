import { IMAGES_DIR } from "../../builder/build/publish.js";
import { RECIPE_NAME_DIGITS } from "../../builder/build/recipe.js";
import type { Builder } from "../../builder/store/layout.js";
import { MacfoundryError } from "../../host/errors.js";
import { STATE_DIR, type Host } from "../../host/host.js";
import { quoteWord } from "../../host/quote.js";

/** What is known of the Mac before a build that no stack file describes. */
export interface Survey {
  account: { name: string; gid: number; home: string } | undefined;
  system: string;
  machine: string;
  /** A build of ours has filled the home before. */
  isClaimed: boolean;
  hasHomeFiles: boolean;
  /** By the name in `(from NAME)`. */
  bases: Map<string, Base>;
}

export interface Base {
  path: string;
  /** Recipe of a published image; undefined for another folder. */
  digest: string | undefined;
  /** It is somebody's home: copying it would hand their files to the builder. */
  isHome: boolean;
}

/** Arguments: state folder, image receipts, digits of a recipe in a name, uid, names. */
const SURVEY = String.raw`
use strict; use warnings;
my ($state, $images, $digits, $uid, @names) = @ARGV;
my @account = getpwuid $uid;
print "account $account[0] $account[3] $account[7]\n" if @account;
print "claimed\n" if -e "$state/builders/$uid.trees";
if (@account and opendir my $d, $account[7]) { print "files\n" if grep { $_ ne "." and $_ ne ".." } readdir $d }
for my $at (0 .. $#names) {
  my $name = $names[$at];
  next unless $name =~ /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\@[0-9a-f]{16,64})?$/;
  my ($image, $digest) = split /\@/, $name;
  my $path = "/Users/$image" . (defined $digest ? "\@" . substr $digest, 0, $digits : "");
  if (-l $path) { my $to = readlink $path; next unless $to =~ m{^(?:/Users/)?\Q$image\E\@([0-9a-f]+)$}; $digest = $1; $path = "/Users/$image\@$1" }
  next if -l $path or !-d $path;
  if (defined $digest and length $digest < 64) {
    my @full = glob "$images/$image/$digest*";
    $digest = @full == 1 && $full[0] =~ m{/([0-9a-f]{64})$} ? $1 : $digest;
  }
  setpwent; my $home = "free";
  while (my @user = getpwent) { if ($user[7] eq $path) { $home = "home"; last } }
  print "base $at $home ", $digest // "-", " $path\n";
}
`;

export async function surveyMac(host: Host, uid: number, names: readonly string[]): Promise<Survey> {
  const words = [STATE_DIR, IMAGES_DIR, String(RECIPE_NAME_DIGITS), String(uid), ...names].map(quoteWord).join(" ");
  const text = await host.read(
    `echo "system $(uname -s) $(uname -m)"\n/usr/bin/perl -e ${quoteWord(SURVEY)} ${words}\n`,
  );
  return parseSurvey(text, names);
}

export function parseSurvey(text: string, names: readonly string[]): Survey {
  const survey: Survey = {
    account: undefined,
    system: "",
    machine: "",
    isClaimed: false,
    hasHomeFiles: false,
    bases: new Map(),
  };
  for (const line of text.split("\n")) {
    const [key, first = "", second = "", ...rest] = line.split(" ");
    if (key === "system") [survey.system, survey.machine] = [first, second];
    else if (key === "account") survey.account = { name: first, gid: Number(second), home: rest.join(" ") };
    else if (key === "claimed") survey.isClaimed = true;
    else if (key === "files") survey.hasHomeFiles = true;
    else if (key === "base") {
      const [digest = "-", ...path] = rest;
      const name = names[Number(first)];
      if (name === undefined) continue;
      const base = { path: path.join(" "), digest: digest === "-" ? undefined : digest, isHome: second === "home" };
      survey.bases.set(name, base);
    }
  }
  return survey;
}

/** The builder that a uid stands for. Raises CONFIG_INVALID and NOT_OWNED. */
export function chooseBuilder(
  survey: Survey,
  host: string,
  request: { uid: number; brewPath: string | undefined; isAdopting: boolean },
): Builder {
  const { account } = survey;
  const { uid } = request;
  const fail = (code: "CONFIG_INVALID" | "NOT_OWNED", cause: string, remedy: string): MacfoundryError =>
    new MacfoundryError({ code, host, resource: `uid ${uid}`, cause, remedy });
  if (account === undefined) {
    const remedy = `declare a builder with this uid in fleet:builders and run \`macfoundry pulumi up\`, or make the account`;
    throw fail("CONFIG_INVALID", "no account has this uid", remedy);
  }
  if (survey.hasHomeFiles && !survey.isClaimed && !request.isAdopting) {
    throw fail(
      "NOT_OWNED",
      `${account.home} of ${account.name} has files that no build of ours made, and a build replaces all of a home`,
      `if this is a builder's home, add --adopt: what is there moves to ${STATE_DIR}/set-aside and stays`,
    );
  }
  return {
    name: account.name,
    uid,
    gid: account.gid,
    home: account.home,
    prefix: choosePrefix(survey, request.brewPath),
  };
}

/** Homebrew's own places: its bottles are built for exactly these. */
function choosePrefix(survey: Survey, asked: string | undefined): string | undefined {
  if (asked !== undefined) return asked === "none" ? undefined : asked;
  if (survey.system !== "Darwin") return undefined;
  return survey.machine === "arm64" ? "/opt/homebrew" : "/usr/local";
}
