package SimDirectory;

# What dscl, dseditgroup, dsmemberutil and id share on top of DSLocal: names of attributes, membership, DS errors.
# Records are read here by a few lines: the JSON module takes five times as long to load as everything else, and a Mac's
# facts are collected with dscl. Whatever writes goes through DSLocal.

use strict;
use Exporter 'import';
use Sim;

our @EXPORT = qw(standard_key record_for ds_error refuse_write is_member groups_of new_uuid %DS_CODE);

# dscl's exit status is the DS status, negated and cut to a byte (macos.md section 4).
our %DS_CODE = (
    eDSUnknownNodeName => -14009,
    eDSPermissionError => -14120,
    eDSAttributeNotFound => -14134,
    eDSRecordNotFound => -14136,
    eNotYetImplemented => -14988,
);

my %ESCAPE = (n => "\n", t => "\t", r => "\r", b => "\b", f => "\f");

sub unescape {
    return $_[0] =~ s{\\(?:u([0-9a-fA-F]{4})|(.))}{defined $1 ? chr hex $1 : $ESCAPE{$2} // $2}ger;
}

# Names sorted bytewise, those with a leading dot left out.
sub list_records {
    my ($type) = @_;
    opendir my $dir, "$Sim::STATE_DIR/dslocal/$type" or return;
    return sort map { /^(?!\.)(.+)\.json\z/ ? $1 : () } readdir $dir;
}

# Attribute -> list of strings, or undef. The files hold nothing but one object of arrays of strings.
sub read_record {
    my ($type, $name) = @_;
    return if !defined $name || $name =~ m{[/\0]} || $name =~ /\A(?:\.\.?)?\z/;
    open my $file, '<', "$Sim::STATE_DIR/dslocal/$type/$name.json" or return;
    my $text = do { local $/; <$file> };
    utf8::decode($text);
    my (%record, $list);
    while ($text =~ /"((?:[^"\\]|\\.)*)"\s*(:?)/gs) {
        my ($string, $is_key) = (unescape("$1"), $2);
        if ($is_key) { $list = $record{$string} = [] }
        else { push @$list, $string }
    }
    return \%record;
}

sub change { require DSLocal; return DSLocal::change(@_) }
sub write_record { return DSLocal::write_record(@_) }
sub delete_record { return DSLocal::delete_record(@_) }

sub standard_key { return $_[0] =~ s/^dsAttrTypeStandard://r }

sub ds_error {
    my ($name) = @_;
    print STDERR "<dscl_cmd> DS Error: $DS_CODE{$name} ($name)\n";
    exit(-$DS_CODE{$name} & 0xff);
}

# Writes need root, and for a session of sshd Full Disk Access besides.
sub refuse_write { return $> != 0 || !has_full_disk_access() }

sub new_uuid {
    open my $fh, '<', '/proc/sys/kernel/random/uuid' or return '00000000-0000-4000-8000-' . sprintf '%012X', $$;
    my $uuid = uc <$fh>;
    chomp $uuid;
    return $uuid;
}

# A record as it is read: with the attributes that the node itself supplies.
sub record_for {
    my ($type, $name) = @_;
    my $record = read_record($type, $name) or return;
    $record->{RecordName} //= [$name];
    $record->{RecordType} //= ['dsRecTypeStandard:' . ucfirst $type];
    $record->{AppleMetaNodeLocation} //= ['/Local/Default'];
    return $record;
}

sub is_member {
    my ($user, $group) = @_;
    my $group_record = read_record('groups', $group) or return 0;
    my $user_record = read_record('users', $user) or return 0;
    return 1 if $group eq 'everyone' || $group eq 'localaccounts';
    return 1 if grep { $_ eq $user } @{ $group_record->{GroupMembership} // [] };
    my $gid = ($group_record->{PrimaryGroupID} // [])->[0];
    return defined $gid && $gid eq (($user_record->{PrimaryGroupID} // [])->[0] // '');
}

# Group ids of a user, the primary one first; every local user is in everyone (12) and localaccounts (61).
sub groups_of {
    my ($user, $primary) = @_;
    my %gids = (12 => 1, 61 => 1);
    while (my ($name, undef, $gid, $members) = getgrent) {
        $gids{$gid} = 1 if grep { $_ eq $user } split ' ', $members;
    }
    endgrent;
    delete $gids{$primary};
    return ($primary, sort { $a <=> $b } keys %gids);
}

1;
