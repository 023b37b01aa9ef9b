import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { renderZfsShell } from "../../../builder/store/zfs.js";

jest.setTimeout(60_000);

const HERE = dirname(fileURLToPath(import.meta.url));
const BASE = "fa2171da437013a53b3c461e782bdfb79ca4dbc51e64c7705d209d3ebbbcded4";
const RUN = "5eec24979979f9175c499e825a6faf21c54ae559087584dac20876768126d74c";
const COPY = "145542b48a13d60a822a503e697fff17b51ffa0dd029105e0c32cd82b448c5cc";
const LAST = "0da9b47e5ba220d10449152f62950c570936dbc2d9c60925124847c52926051a";
const FAILED = "d6ceeadbc6777b0a4b180b9587ab4d641e281ae7ae651de8f80c43c701a15e86";

type Command = string[];
const GOLDEN = JSON.parse(readFileSync(join(HERE, "zfs-commands.json"), "utf8")) as Record<
  "build" | "failing",
  Command[]
>;

/** Knows datasets by name, as far as the questions go that are asked; notes every command that changes something. */
const STAND_IN = String.raw`#!/usr/bin/perl
use strict; use warnings; use JSON::PP; my $dir = $ENV{STAND_IN}; my ($verb, @rest) = @ARGV; my $last = $rest[-1];
my %have = map { chomp; $_ => 1 } do { open my $f, "<", "$dir/datasets" or die; <$f> };
if ($verb eq "list") { if (grep { $_ eq "-r" } @rest) { print "$_\n" for grep { !/\@/ and ($_ eq $last or index($_, "$last/") == 0) } sort keys %have; exit 0 } exit($have{$last} ? 0 : 1) }
if ($verb eq "get") { print $rest[-2] eq "mountpoint" ? "$dir/pool\n" : "no\n"; exit 0 }
{ open my $f, ">>", "$dir/commands" or die; print $f encode_json(["zfs", $verb, @rest]), "\n" }
my @names = grep { m{/} and !/^mountpoint=/ } @rest;
if ($verb eq "create" or $verb eq "clone") { $have{$last} = 1; system "/bin/mkdir", "-p", $dir . "/pool/" . substr $last, 9 }
if ($verb eq "snapshot") { my ($ds) = split /\@/, $last; for (keys %have) { $have{"$_\@snap"} = 1 if !/\@/ and ($_ eq $ds or index($_, "$ds/") == 0) } }
if ($verb eq "destroy") { delete @have{grep { $_ eq $last or index($_, "$last/") == 0 or index($_, "$last\@") == 0 } keys %have} }
if ($verb eq "rename") { my ($from, $to) = @names; for (grep { $_ eq $from or index($_, "$from/") == 0 or index($_, "$from\@") == 0 } keys %have) { my $new = $to . substr $_, length $from; delete $have{$_}; $have{$new} = 1 } }
open my $f, ">", "$dir/datasets" or die; print $f "$_\n" for sort keys %have;
`;

describe("the datasets of OBuilder's zfs store", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "mf-zfs-"));
    mkdirSync(join(dir, "bin"));
    mkdirSync(join(dir, "pool"));
    writeFileSync(join(dir, "bin/zfs"), STAND_IN);
    for (const name of ["chown", "mkdir"])
      writeFileSync(
        join(dir, "bin", name),
        `#!/usr/bin/perl\nuse JSON::PP; my @w = @ARGV; s{^\\Q$ENV{STAND_IN}\\E/pool}{/Volumes/obuilder} for @w; open my $f, ">>", "$ENV{STAND_IN}/commands"; print $f encode_json(["${name}", @w]), "\\n"; exec "/bin/mkdir", @ARGV if "${name}" eq "mkdir";\n`,
      );
    for (const name of ["zfs", "chown", "mkdir"]) chmodSync(join(dir, "bin", name), 0o755);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs our functions on a stand-in that has these datasets; gives the commands that change something. */
  function record(datasets: readonly string[], calls: string): Command[] {
    writeFileSync(join(dir, "datasets"), datasets.map((name) => `${name}\n`).join(""));
    writeFileSync(join(dir, "commands"), "");
    const script = `set -eu\nhome=/Users/mac1000 prefix=/opt/homebrew uid=1000 gid=1000\n${renderZfsShell("obuilder")}${calls}`;
    execFileSync("/bin/sh", ["-c", script], {
      env: { PATH: `${join(dir, "bin")}:/usr/bin:/bin`, STAND_IN: dir },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const lines = readFileSync(join(dir, "commands"), "utf8").trimEnd().split("\n");
    return lines.map((line) => JSON.parse(line) as Command);
  }
  const base = "obuilder/base-image/base-x";
  const start = ["obuilder", base, `${base}/brew`, `${base}/home`, `${base}/brew@snap`, `${base}/home@snap`];

  it("are made, cloned, mounted, snapshotted and kept by the commands of the original, in its order", () => {
    const ours = record(
      start,
      `zfs_open
zfs_base ${BASE} base-x
zfs_begin ${RUN} ${BASE}; zfs_leave ${RUN}; zfs_save ${RUN}
zfs_begin ${COPY} ${RUN}; zfs_leave ${COPY}; zfs_save ${COPY}
zfs_clear obuilder/result/${LAST}
zfs_call clone -o canmount=noauto -- obuilder/result/${COPY}@snap obuilder/result/${LAST}`,
    );
    // The original runs its last step with caches; that order is compared in the next test.
    expect(ours).toEqual(GOLDEN.build.slice(0, ours.length));
    expect(ours.length).toBeGreaterThan(30);
  });

  it("keep caches as the original does, but mount one whose target was not there too", () => {
    const at = GOLDEN.build.findIndex((words) => words[1] === "create" && words[3]?.startsWith("obuilder/cache/c-"));
    const golden = GOLDEN.build.slice(at).filter(([, , name]) => name !== "obuilder/result");
    const ours = record(
      [
        "obuilder",
        ...[LAST].flatMap((id) => [id, `${id}/home`, `${id}/brew`]).map((name) => `obuilder/result/${name}`),
      ],
      `zfs_make_cache 0 homebrew; zfs_make_cache 1 absent
zfs_place obuilder/result/${LAST} /Users/mac1000 /opt/homebrew
zfs_enter_cache 0 homebrew /Users/mac1000/Library/Caches/Homebrew
zfs_enter_cache 1 absent /Users/mac1000/nowhere
zfs_leave_cache 0 homebrew; zfs_leave_cache 1 absent
zfs_leave ${LAST}
zfs_keep_cache 1 2 absent; zfs_keep_cache 0 3 homebrew
zfs_save ${LAST}`,
    );
    const added = ["zfs", "set", "mountpoint=/Users/mac1000/nowhere", "obuilder/cache-tmp/1-c-absent"];
    expect(ours.filter((words) => words.join() !== added.join())).toEqual(golden);
    expect(ours).toContainEqual(added);
  });

  it("of a failed step are destroyed as there", () => {
    const have = [BASE, `${BASE}/home`, `${BASE}/brew`].map((name) => `obuilder/result/${name}`);
    const parts = ["state", "result", "cache", "cache-tmp"].map((name) => `obuilder/${name}`);
    const ours = record(["obuilder", ...parts, ...have], `zfs_open\nzfs_begin ${FAILED} ${BASE}\nzfs_abort ${FAILED}`);
    expect(ours).toEqual(GOLDEN.failing.filter(([, , name]) => name !== "obuilder/result"));
  });

  it("left by a build that died are destroyed before their place is used again", () => {
    const left = [`obuilder/result/${RUN}`, `obuilder/result/${RUN}/home`];
    const ours = record(
      ["obuilder", `obuilder/result/${BASE}`, `obuilder/result/${BASE}@snap`, ...left],
      `zfs_begin ${RUN} ${BASE}`,
    );
    expect(ours[0]).toEqual(["zfs", "destroy", "-r", "-f", "--", `obuilder/result/${RUN}`]);
  });

  it("refuse a pool's name that is none", () => {
    for (const name of ["", "a b", "a/b", "-f", "$(x)"]) expect(() => renderZfsShell(name)).toThrow(RangeError);
  });
});
