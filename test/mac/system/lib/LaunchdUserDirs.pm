package LaunchdUserDirs;

# macOS's dirhelper: the folders below /var/folders that belong to one user. Names depend on the uid only, as on a
# Mac, where two hashed parts lead to C, T and 0.

use strict;
use warnings;
use Digest::SHA ();

my @DIGITS = ("0" .. "9", "_", "a" .. "z");

sub user_root {
    my ($uid) = @_;
    my $name  = join "", map { $DIGITS[$_ % @DIGITS] } unpack "C32", Digest::SHA::sha256("folders/$uid");
    return ("/private/var/folders/" . substr($name, 0, 2), substr($name, 2, 28) . "0000gn");
}

# kind: T (temporary), C (cache) or 0. Made when missing, owned by the user, 0700. The text macOS's confstr gives:
# below /var, with a slash at the end.
sub user_dir {
    my ($uid, $kind) = @_;
    return "" if ($kind // "") !~ /\A[TC0]\z/;
    my ($bucket, $name) = user_root($uid);
    my $gid = (getpwuid $uid)[3] // 20;
    mkdir $bucket, 0755;
    for my $dir (["$bucket/$name", 0755], ["$bucket/$name/$kind", 0700]) {
        if (mkdir $dir->[0], $dir->[1]) {
            chmod $dir->[1], $dir->[0];
            chown $uid, $gid, $dir->[0];
        }
    }
    return "$bucket/$name/$kind/" =~ s{^/private}{}r;
}

1;
