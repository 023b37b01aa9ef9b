package Listing;

# Everything that a provisioner could have changed on a Mac, as lines to compare: the whole tree, users and groups,
# launchd's jobs and overrides, sudo included. The simulator's own folder, /proc, /dev and the sealed system are apart.

use strict;
use warnings;
use Instance ();

my $SCRIPT = <<'PERL';
use strict; use warnings; use Time::HiRes ();
my %apart = map { $_ => 1 } qw(/.sim /proc /dev /bin /sbin /usr/bin /usr/sbin /usr/libexec /usr/lib /usr/share /usr/include /System/Volumes/Data);
my @type = ("?") x 16; @type[1, 2, 4, 6, 8, 10, 12] = qw(p c d b f l s);
my @todo = ("/");
while (defined(my $path = pop @todo)) {
    my @s = Time::HiRes::lstat($path) or next;
    my $type = $type[$s[2] >> 12];
    my $size = $type eq "d" ? "-" : $s[7];
    printf "%s %s %04o %s:%s %s %.6f %.6f%s\n", $path, $type, $s[2] & 07777, @s[4, 5], $size, @s[9, 10], $type eq "l" ? " -> " . readlink $path : "";
    next if $type ne "d" || $apart{$path};
    opendir my $dir, $path or next;
    my $base = $path eq "/" ? "" : $path;
    push @todo, map { "$base/$_" } sort { $b cmp $a } grep { !/^\.\.?$/ } readdir $dir;
}
for my $file (sort glob "/.sim/state/dslocal/*/*.json") {
    open my $in, "<", $file or next; local $/; my $text = <$in>; $text =~ s/\s+/ /g;
    print "record ", $file =~ m{dslocal/(.*)\.json}, " $text\n";
}
PERL

sub take {
    my ($info) = @_;
    my $tree   = Instance::read_inside($info, "/usr/bin/perl", "-e", $SCRIPT);
    my $jobs   = Instance::read_inside($info, "/bin/sh",       "-c", "launchctl list; launchctl print-disabled system");
    return $tree . join "", map {"launchd $_\n"} split /\n/, $jobs;
}

1;
