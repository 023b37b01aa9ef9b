package SimDisks;

# What diskutil knows: the fixed volumes of the container and those that were added (state `apfs_volumes`: one a line,
# identifier, UUID, name, personality, mount point). An added volume is a folder when it is mounted: it has no space
# or file system of its own (a deviation).

use strict;
use Exporter 'import';
use Sim;
use SimVolumes;

our @EXPORT = qw(list_disks save_added find_disk container_size);

sub container_size { return is_arm() ? 994662584320 : 499963174912 }

sub list_disks {
    my $disk = container_disk();
    my @fixed = (
        { id => "${disk}s1", name => 'Macintosh HD', uuid => '9AA7F3A4-A615-4F8D-91E3-F5C86D988D71', roles => ['System'], used => 11203477504, point => '/' },
        { id => "${disk}s2", name => 'Preboot', uuid => 'A91FD4EA-684D-4122-9ACD-27E1465E99F6', roles => ['Preboot'], used => 7140000000, point => '/System/Volumes/Preboot' },
        { id => "${disk}s3", name => 'Recovery', uuid => '6C1C2A0E-3E5B-4B53-9C9C-7A63E8D2B0F1', roles => ['Recovery'], used => 1010000000, point => '' },
        { id => "${disk}s5", name => 'Data', uuid => '3C5E3F92-7D5A-4C39-8B06-0F6B7B7B9D11', roles => ['Data'], used => 0, point => '/System/Volumes/Data' },
        { id => "${disk}s6", name => 'VM', uuid => 'D21E8A49-0E8C-45F2-8B3E-5B6C50B7C9A2', roles => ['VM'], used => 20480, point => '/System/Volumes/VM' },
    );
    my ($data) = grep { $_->{name} eq 'Data' } @fixed;
    $data->{used} = space_of({ id => 'data', point => '/System/Volumes/Data' })->{used} * 1024;
    $_->{personality} = 'APFS' for @fixed;
    my @added = map {
        my ($id, $uuid, $name, $personality, $point) = split /\t/, $_, -1;
        { id => $id, uuid => $uuid, name => $name, personality => $personality, point => $point, roles => [], used => 43061248, is_added => 1 };
    } split /\n/, state('apfs_volumes', '');
    return (@fixed, @added);
}

sub save_added {
    set_state('apfs_volumes', join "\n", map { join "\t", @$_{qw(id uuid name personality point)} } grep { $_->{is_added} } @_);
}

# By identifier, device node, UUID, mount point or (for / the snapshot too) name.
sub find_disk {
    my ($word) = @_;
    my $plain = $word =~ s{^/dev/}{}r;
    my ($found) = grep {
        $_->{id} eq $plain || $_->{uuid} eq uc $plain || (length $_->{point} && $_->{point} eq $word) || $_->{name} eq $word || "$_->{id}s1" eq $plain
    } list_disks();
    return $found;
}

1;
