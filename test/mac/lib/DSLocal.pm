package DSLocal;

# The local directory node of a simulated Mac: records as JSON files are the truth, /private/etc/passwd, group and
# shadow are made from them for the Linux programs underneath (sshd, sudo, the C library).
#
# A record is a hash reference, attribute name -> array reference of strings. Standard attributes go by their short
# names ("UniqueID"), native ones keep their prefix ("dsAttrTypeNative:_writers_hint").
#
#   use lib "/.sim/lib"; use DSLocal;
#   my @names  = DSLocal::list_records("users");
#   my $record = DSLocal::read_record("users", "mac705");      # undef when there is none
#   DSLocal::change(sub {                                       # one writer at a time; then passwd is made anew
#       DSLocal::write_record("users", "mac705", $record);
#       DSLocal::delete_record("groups", "old");
#   });

use strict;
use warnings;
use Fcntl    qw(:flock);
use JSON::PP ();

our $STATE_DIR = $ENV{SIM_STATE_DIR} // "/.sim/state";
our $ETC_DIR   = $ENV{SIM_ETC_DIR}   // "/private/etc";

my $json = JSON::PP->new->utf8->canonical->pretty->indent_length(1);

sub records_dir { return "$STATE_DIR/dslocal/$_[0]" }

# Names sorted bytewise, as dscl lists them.
sub list_records {
    my ($type) = @_;
    opendir my $dir, records_dir($type) or return;
    return sort map { /^(?!\.)(.+)\.json\z/ ? $1 : () } readdir $dir;
}

sub read_record {
    my ($type, $name) = @_;
    return if !is_record_name($name);
    open my $file, "<", records_dir($type) . "/$name.json" or return;
    local $/;
    return $json->decode(<$file>);
}

sub is_record_name { return defined $_[0] && $_[0] =~ m{\A[^/\0]+\z} && $_[0] !~ /\A\.\.?\z/ }

# Only inside change().
sub write_record {
    my ($type, $name, $record) = @_;
    die "DSLocal: bad record name\n" if !is_record_name($name);
    write_file(records_dir($type) . "/$name.json", $json->encode($record), 0644);
}

# Only inside change(). Whether there was such a record.
sub delete_record {
    my ($type, $name) = @_;
    return is_record_name($name) && unlink(records_dir($type) . "/$name.json") == 1;
}

sub change {
    my ($action) = @_;
    open my $lock, ">>", "$STATE_DIR/dslocal/lock" or die "DSLocal: $STATE_DIR/dslocal/lock: $!\n";
    flock $lock, LOCK_EX or die "DSLocal: lock: $!\n";
    my $result = $action->();
    write_etc();
    return $result;
}

# Users with a home that is theirs alone have no password but `*`: locked accounts (`!`) are refused by sshd.
sub write_etc {
    my (@passwd, @shadow, @group);
    my %users = map { $_ => read_record("users", $_) } list_records("users");
    for my $name (sort { by_id($users{$a}, "UniqueID", $users{$b}) || $a cmp $b } keys %users) {
        my $user = $users{$name};
        my $uid  = unix_id(first($user, "UniqueID"));
        next if !defined $uid;
        my $gid   = unix_id(first($user, "PrimaryGroupID")) // 20;
        my $gecos = first($user, "RealName")                // "";
        $gecos =~ s/[:\n]/ /g;
        my $home  = first($user, "NFSHomeDirectory") // "/var/empty";
        my $shell = first($user, "UserShell")        // "/usr/bin/false";
        push @passwd, join ":", $name, "x", $uid, $gid, $gecos, $home, $shell;
        push @shadow, "$name:*:19000:0:99999:7:::";
    }

    # Debian's sshd was compiled for a privilege separation user of this name; a Mac's is _sshd.
    push @passwd, "sshd:x:75:75:sshd Privilege separation:/var/empty:/usr/bin/false";
    for my $name (list_records("groups")) {
        my $group = read_record("groups", $name);
        my $gid   = unix_id(first($group, "PrimaryGroupID"));
        next if !defined $gid;
        push @group, [$gid, join ":", $name, "*", $gid, join ",", @{ $group->{GroupMembership} // [] }];
    }
    @group = map { $_->[1] } sort { $a->[0] <=> $b->[0] } @group;
    write_file("$ETC_DIR/passwd", join("", map {"$_\n"} @passwd), 0644);
    write_file("$ETC_DIR/group",  join("", map {"$_\n"} @group),  0644);
    write_file("$ETC_DIR/shadow", join("", map {"$_\n"} @shadow), 0600);
}

sub first { return ($_[0]{ $_[1] } // [])->[0] }

sub by_id {
    my ($left, $key, $right) = @_;
    return (unix_id(first($left, $key)) // 0) <=> (unix_id(first($right, $key)) // 0);
}

# macOS prints ids as signed numbers (nobody is -2); passwd wants them unsigned.
sub unix_id {
    my ($id) = @_;
    return if !defined $id || $id !~ /\A-?\d+\z/;
    return $id < 0 ? $id + 4294967296 : $id;
}

# Unchanged text is left alone, so that converging twice changes no file.
sub write_file {
    my ($path, $text, $mode) = @_;
    if (open my $old, "<", $path) {
        local $/;
        my $current = <$old>;
        return if defined $current && $current eq $text;
    }
    my $temporary = $path =~ s{([^/]+)\z}{.$1.$$}r;
    open my $file, ">", $temporary or die "DSLocal: $temporary: $!\n";
    print {$file} $text or die "DSLocal: $temporary: $!\n";
    chmod $mode, $file;
    close $file or die "DSLocal: $temporary: $!\n";
    rename $temporary, $path or die "DSLocal: $path: $!\n";
}

1;
