package SimVolumes;

# Volumes as a Mac names them. Underneath there is one Linux file system: the sealed system and the Data volume share
# its space, as the volumes of an APFS container do. FUSE mounts are the real ones.

use strict;
use Exporter 'import';
use Cwd ();
use Sim;

our @EXPORT = qw(container_disk volume_of volumes space_of fuse_mounts);

# The main container is usually disk3 on Apple silicon and disk1 on Intel.
sub container_disk { return is_arm() ? 'disk3' : 'disk1' }

sub unescape { return $_[0] =~ s/\\([0-7]{3})/chr oct $1/ger }

# { source, point, flags } of every FUSE mount: NAME@macfuseN on POINT (macfuse, ...).
sub fuse_mounts {
    open my $fh, '<', '/proc/self/mounts' or return;
    my (@found, %seen);
    while (<$fh>) {
        my ($source, $point, $type, $options) = split ' ';
        next unless $type =~ /^fuse(?:blk)?(?:\.|$)/ && $type ne 'fusectl';
        $point = unescape($point);
        $point =~ s{^/System/Volumes/Data(?=/)}{};
        next if $seen{$point}++;
        my ($uid) = $options =~ /user_id=(\d+)/;
        my $by = defined $uid && $uid != 0 ? getpwuid($uid) // $uid : undef;
        my @flags = ('macfuse', 'nodev', 'nosuid', 'synchronous');
        push @flags, "mounted by $by" if defined $by;
        $source = unescape($source);
        $source = ($source =~ m{([^/]+)$})[0] . '@macfuse' . @found unless $source =~ /[:\@]/;
        push @found, { source => $source, point => $point, flags => \@flags };
    }
    return @found;
}

# In the order of mount(8). `map` is the automounter's row, whose first column holds a blank.
sub volumes {
    my $disk = container_disk();
    my $has_new_flags = macos_at_least(15);
    my @rows = (
        { source => "/dev/${disk}s1s1", point => '/', flags => [qw(apfs sealed local read-only journaled)], id => 'system' },
        { source => 'devfs', point => '/dev', flags => [qw(devfs local nobrowse)], id => 'devfs' },
        { source => "/dev/${disk}s6", point => '/System/Volumes/VM', flags => [qw(apfs local noexec journaled noatime nobrowse)], id => 'vm' },
        { source => "/dev/${disk}s2", point => '/System/Volumes/Preboot', flags => [qw(apfs local journaled nobrowse)], id => 'preboot' },
        { source => "/dev/${disk}s5", point => '/System/Volumes/Data',
            flags => [qw(apfs local journaled nobrowse), $has_new_flags ? ('protect', 'root data') : ()], id => 'data' },
    );
    push @rows, map { +{ %$_, id => 'fuse' } } fuse_mounts();
    push @rows, { source => 'map auto_home', point => '/System/Volumes/Data/home', flags => [qw(autofs automounted nobrowse)], id => 'map' };
    return @rows;
}

my @FIRMLINKS = qw(AppleInternal Applications Library Users Volumes cores opt private usr/local usr/libexec/cups usr/share/snmp);

# The row that holds a path, or undef when there is no such path.
sub volume_of {
    my ($path) = @_;
    return unless lstat $path;
    my $real = Cwd::abs_path($path) // $path;
    my @rows = volumes();
    my ($fuse) = sort { length $b->{point} <=> length $a->{point} }
        grep { $_->{id} eq 'fuse' && ($real eq $_->{point} || index($real, "$_->{point}/") == 0) } @rows;
    return $fuse if $fuse;
    my $id = $real =~ m{^/dev(?:/|\z)} ? 'devfs' : 'system';
    $id = 'data' if $real =~ m{^/System/Volumes/Data(?:/|\z)};
    for my $link (@FIRMLINKS) { $id = 'data' if $real eq "/$link" || index($real, "/$link/") == 0 }
    return (grep { $_->{id} eq $id } @rows)[0];
}

# Blocks of 1 KiB and inodes: { total, used, free, iused, ifree }.
sub space_of {
    my ($volume) = @_;
    return { total => 402, used => 402, free => 0, iused => 696, ifree => 0 } if $volume->{id} eq 'devfs';
    return { total => 0, used => 0, free => 0, iused => 0, ifree => 0 } if $volume->{id} eq 'map';
    my $probe = $volume->{id} eq 'fuse' ? $volume->{point} : -d '/System/Volumes/Data' ? '/System/Volumes/Data' : '/';
    open my $out, '-|', Sim::real_path('stat'), '-f', '-c', '%S %b %f %a %c %d', $probe or return {};
    my ($size, $blocks, $free, $available, $inodes, $inodes_free) = split ' ', <$out> // '4096 0 0 0 0 0';
    my %space = (total => int($blocks * $size / 1024), free => int($available * $size / 1024),
        used => int(($blocks - $free) * $size / 1024), iused => $inodes - $inodes_free, ifree => $inodes_free);
    my %fixed = (system => [10485760, 404000], vm => [20480, 3], preboot => [7340032, 2000]);
    if (my $mine = $fixed{ $volume->{id} }) { @space{qw(used iused)} = @$mine }
    return \%space;
}

1;
