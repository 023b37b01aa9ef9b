import type { Host } from "../../host/host.js";
import { quoteWord } from "../../host/quote.js";
import { listCopyEntries, type Entry, type SourceTree } from "../copy/index.js";
import type { CopyPlan } from "../ids/index.js";
import { asBytes, toBytes, type ByteString, type Spec } from "../spec/index.js";

/**
 * Lists what copies may want of a result: each source with all below it and the folders on the way to it. One record a
 * line: kind, size, mtime, executable, sha256 of a file's content, path and link target in hex.
 */
const LISTER = `
use strict; use warnings; use Digest::SHA ();
my ($root, @sources) = @ARGV; my %seen;
sub show {
  my ($path) = @_; return if $seen{$path}++;
  my $full = $path eq "" ? $root : "$root/$path"; my @s = lstat $full or return;
  my $kind = -l _ ? "symlink" : -d _ ? "dir" : -f _ ? "file" : "other";
  my $hash = "-"; if ($kind eq "file") { $hash = Digest::SHA->new(256)->addfile($full, "b")->hexdigest }
  print join(" ", $kind, $s[7], int $s[9], ($s[2] & 0111 ? 1 : 0), $hash, "p" . unpack("H*", $path), "t" . ($kind eq "symlink" ? unpack("H*", readlink $full) : "")), "\\n";
  return $kind;
}
for (@sources) {
  my @parts = grep { $_ ne "" and $_ ne "." } split m{/}, pack "H*", substr $_, 1; my $path = "";
  show("");
  for my $i (0 .. $#parts) { $path = join "/", @parts[0 .. $i]; show($path); }
  my @todo = ($path);
  while (defined(my $dir = shift @todo)) {
    my $full = $dir eq "" ? $root : "$root/$dir"; next if -l $full or !-d $full;
    opendir my $d, $full or die "$full: $!\\n";
    for my $name (sort grep { $_ ne "." and $_ ne ".." } readdir $d) {
      my $below = $dir eq "" ? $name : "$dir/$name"; show($below);
      push @todo, $below if !-l "$root/$below" and -d _;
    }
  }
}
print "end\\n";
`;

/** What a nested build's result holds, as far as the spec's copies look at it. */
export class RemoteTree implements SourceTree {
  private constructor(
    readonly rootfs: string,
    private readonly entries: ReadonlyMap<ByteString, Entry & { hash: string; target: ByteString }>,
    private readonly names: ReadonlyMap<ByteString, readonly ByteString[]>,
  ) {}

  static async read(
    host: Host,
    rootfs: string,
    sources: readonly ByteString[],
    signal?: AbortSignal,
  ): Promise<RemoteTree> {
    const words = sources.map((source) => `p${toBytes(source).toString("hex")}`);
    const script = `exec /usr/bin/perl -e ${quoteWord(LISTER)} ${quoteWord(rootfs)} ${words.join(" ")}`;
    const text = await host.read(script, { timeoutMs: 3_600_000, signal });
    const entries = new Map<ByteString, Entry & { hash: string; target: ByteString }>();
    const names = new Map<ByteString, ByteString[]>();
    for (const line of text.split("\n")) {
      const [kind, size = "", mtime = "", executable = "", hash = "", path = "", target = ""] = line.split(" ");
      if (kind !== "file" && kind !== "dir" && kind !== "symlink" && kind !== "other") continue;
      const bytes = fromHex(path);
      entries.set(bytes, {
        kind,
        size: Number(size),
        mtimeSeconds: Number(mtime),
        isExecutable: executable === "1",
        hash,
        target: fromHex(target),
      });
      if (bytes === "") continue;
      const cut = bytes.lastIndexOf("/");
      const parent = asBytes(bytes.slice(0, Math.max(cut, 0)));
      const list = names.get(parent) ?? [];
      list.push(asBytes(bytes.slice(cut + 1)));
      names.set(parent, list);
    }
    return new RemoteTree(rootfs, entries, names);
  }

  lookAt(path: ByteString): Entry | undefined {
    return this.entries.get(path);
  }
  listNames(path: ByteString): readonly ByteString[] {
    return this.names.get(path) ?? [];
  }
  readLink(path: ByteString): ByteString {
    return this.entries.get(path)?.target ?? asBytes("");
  }
  hashFile(path: ByteString): string {
    return this.entries.get(path)?.hash ?? "";
  }

  /** The copy as lines for COPY_PACKER: the stream itself is made on the Mac, no byte of it comes here. */
  listFor(plan: CopyPlan): string {
    const lines: string[] = [];
    for (const { name, source } of listCopyEntries(plan)) {
      const entry = source === undefined ? undefined : this.entries.get(source.path);
      const hex = (bytes: ByteString) => `p${toBytes(bytes).toString("hex")}`;
      if (source === undefined || entry === undefined) lines.push(`d 0 ${hex(name)}`);
      else if (source.kind === "dir") lines.push(`d ${entry.mtimeSeconds} ${hex(name)}`);
      else if (source.kind === "symlink") lines.push(`l ${entry.mtimeSeconds} ${hex(name)} ${hex(source.target)}`);
      else
        lines.push(
          `f ${entry.mtimeSeconds} ${hex(name)} ${hex(source.path)} ${entry.size} ${entry.isExecutable ? "755" : "644"}`,
        );
    }
    return `${lines.join("\n")}\n`;
  }
}

/** Reads the lines of `listFor` and writes a tar stream as streamCopy does, from files below the folder given. */
export const COPY_PACKER = `
use strict; use warnings; use Fcntl qw(O_RDONLY O_NOFOLLOW);
my ($root) = @ARGV; binmode STDOUT;
sub out { my ($data) = @_; my $done = 0; while ($done < length $data) { my $w = syswrite STDOUT, $data, length($data) - $done, $done; defined $w or exit 1; $done += $w } }
sub pad { my ($data) = @_; return $data . "\\0" x (-length($data) % 512) }
sub header {
  my ($name, $mode, $size, $mtime, $type, $link) = @_;
  for (["K", $link], ["L", $name]) { my ($t, $text) = @$_; if (length $text > 100) { header("././\\@LongLink", 0, 1 + length $text, 0, $t, ""); out(pad("$text\\0")); } }
  my $block = pack "a100 a8 a8 a8 a12 a12 A8 a1 a100 a8 a247", $name, sprintf("%07o", $mode), sprintf("%07o", 0), sprintf("%07o", 0), ($size >= 8 ** 11 ? sprintf("%011o", 0) : sprintf("%011o", $size)), sprintf("%011o", $mtime < 0 ? 0 : $mtime), "", $type, $link, "ustar  \\0", "";
  if ($size >= 8 ** 11) { my $body = " size=$size\\n"; $body = "00000000$body"; header("paxheader", 0400, length $body, 0, "x", ""); out(pad($body)); }
  substr $block, 148, 8, sprintf("%06o\\0 ", unpack "%32C*", $block);
  out($block);
}
while (<STDIN>) {
  chomp; my ($kind, $mtime, @rest) = split / /; my ($name, $source) = map { pack "H*", substr $_, 1 } @rest[0, 1 < @rest ? 1 : 0];
  if ($kind eq "d") { header("$name/", 0755, 0, $mtime, "0", ""); next }
  if ($kind eq "l") { header($name, 0777, 0, $mtime, "2", $source); next }
  my ($size, $mode) = @rest[2, 3]; my $left = $size;
  sysopen my $in, "$root/$source", O_RDONLY | O_NOFOLLOW or do { print STDERR "$root/$source: $!\\n"; exit 2 };
  header($name, oct $mode, $size, $mtime, "0", "");
  while ($left > 0) { my $n = sysread $in, my $data, $left < 1 << 18 ? $left : 1 << 18; unless ($n) { print STDERR "$root/$source is cut off\\n"; exit 2 } out($data); $left -= $n; }
  out("\\0" x (-$size % 512));
}
out("\\0" x 1024);
`;

/** Every source that a spec's copies take from builds of this name. */
export function sourcesFrom(spec: Spec, name: ByteString): ByteString[] {
  const own = spec.ops.flatMap((op) =>
    op.op === "copy" && op.from.kind === "build" && op.from.name === name ? op.src : [],
  );
  return [...own, ...spec.builds.flatMap((build) => sourcesFrom(build.spec, name))];
}

function fromHex(text: string): ByteString {
  return asBytes(Buffer.from(text.slice(1), "hex").toString("latin1"));
}
