#!/usr/bin/perl
# First boot of a simulated Mac: fills its empty data volume. Arguments: the mounted volume and the Mac's config.json.
# Runs inside the Mac's mount namespace but before the root is switched, with the build machine's perl.

use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../lib";
use Cache      qw(read_file source_dir);
use DSLocal    ();
use File::Path qw(make_path);
use JSON::PP   ();

my ($root, $config_path) = @ARGV;
my $config  = JSON::PP->new->utf8->decode(read_file($config_path));
my $records = JSON::PP->new->utf8->decode(read_file(source_dir() . "/records.json"));
umask 022;

my %MODES = (
    "Users/Shared"        => 01777, "private/tmp" => 01777, "private/var/tmp" => 01777, "private/var/root" => 0750,
    "Users/administrator" => 0750,  "Users/administrator/.ssh" => 0700, "private/etc/sudoers.d" => 0755,
);
my @DIRS = qw(
    bin sbin usr/bin usr/sbin usr/libexec usr/lib usr/share usr/include usr/local dev proc Applications Volumes cores opt
    Users/Shared Users/administrator/.ssh Library/LaunchDaemons Library/LaunchAgents Library/Developer
    Library/Filesystems Library/Preferences Library/Extensions
    System/Library/LaunchDaemons System/Library/LaunchAgents System/Library/Filesystems System/Library/Extensions
    System/Volumes/Data System/Volumes/VM System/Volumes/Preboot
    private/etc private/tmp private/var/db/com.apple.xpc.launchd private/var/db/receipts private/var/db/sudo private/var/run
    private/var/log private/var/folders private/var/empty private/var/root private/var/tmp private/var/vm private/var/at/tabs
    private/var/select .sim/state/dslocal/users .sim/state/dslocal/groups .sim/state/faults .sim/log .sim/run/sshd .sim/run/sudo
    .sim/debian .sim/lib .sim/old
);
make_path(map {"$root/$_"} @DIRS, "Library/Application Support/com.apple.TCC");
my %LINKS = (
    tmp => "private/tmp", var => "private/var", etc => "private/etc", home => "/System/Volumes/Data/home",

    # What Debian's programs need to run: loader, libraries, a place for sshd's and sudo's run-time files.
    lib                     => ".sim/debian/usr/lib", lib64 => ".sim/debian/usr/lib64", run => ".sim/run",
    "private/etc/zsh"       => ".", "private/etc/localtime" => "/usr/share/zoneinfo/UTC",
    "private/var/select/sh" => "/bin/bash",
);
symlink $LINKS{$_}, "$root/$_" or die "mac: $root/$_: $!\n" for sort keys %LINKS;
system("cp", "-R", source_dir() . "/skeleton/.", $root) == 0 or die "mac: the skeleton could not be copied\n";
chmod $MODES{$_}, "$root/$_" for keys %MODES;
chmod 0440,       glob "$root/private/etc/sudoers $root/private/etc/sudoers.d/*";

write_text("private/etc/hosts",
    read_file("$root/private/etc/hosts") . "$config->{address}\t$config->{name} $config->{name}.local\n");
my $ssh = "System/Library/LaunchDaemons/ssh.plist";
write_text($ssh, read_file("$root/$ssh") =~ s/\@ADDRESS\@/$config->{address}/r =~ s/\@PORT\@/$config->{port}/r);
write_text("Library/Application Support/com.apple.TCC/TCC.db", "SQLite format 3\0");
write_text("Users/administrator/.ssh/authorized_keys", "$config->{authorizedKey}\n",         0600);
write_text("private/etc/ssh/ssh_host_ed25519_key",     read_file("$config->{dir}/host_key"), 0600);
write_text("private/etc/ssh/ssh_host_ed25519_key.pub", read_file("$config->{dir}/host_key.pub"));
chown 501, 20, map {"$root/Users/administrator$_"} "", "/.ssh", "/.ssh/authorized_keys";
chown 0, 80, "$root/Users";

write_text(".sim/state/$_", "$config->{state}{$_}\n") for keys %{ $config->{state} };
write_records();
lay_out_developer_tools()       if $config->{state}{clt} ne "absent";
lay_out_ocaml($config->{ocaml}) if defined $config->{ocaml};
exit 0;

sub write_text {
    my ($path, $text, $mode) = @_;
    open my $file, ">", "$root/$path" or die "mac: $root/$path: $!\n";
    print {$file} $text or die "mac: $root/$path: $!\n";
    close $file         or die "mac: $root/$path: $!\n";
    chmod $mode // 0644, "$root/$path";
    return;
}

# Generated ids are made from names: two Macs of one profile are alike, as the answers' order is.
sub write_records {
    require Digest::SHA;
    $DSLocal::STATE_DIR = "$root/.sim/state";
    $DSLocal::ETC_DIR   = "$root/private/etc";
    my $uuid = sub { uc(Digest::SHA::sha1_hex($_[0]) =~ s/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/$1-$2-$3-$4-$5/r) };
    DSLocal::change(
        sub {
            for my $name (keys %{ $records->{users} }) {
                my $user = $records->{users}{$name};
                DSLocal::write_record(
                    "users", $name,
                    {
                        RecordName => [$name], UniqueID => [$user->{uid}], PrimaryGroupID => [$user->{gid}],
                        RealName   => [$user->{name}], NFSHomeDirectory => [$user->{home} // "/var/empty"],
                        UserShell  => [$user->{shell} // "/usr/bin/false"], GeneratedUID => [$uuid->("user/$name")],
                        Password   => ["*"],
                    }
                );
            }
            for my $name (keys %{ $records->{groups} }) {
                my $group = $records->{groups}{$name};
                DSLocal::write_record(
                    "groups", $name,
                    {
                        RecordName   => [$name],                  PrimaryGroupID => [$group->{gid}],
                        GeneratedUID => [$uuid->("group/$name")], Password       => ["*"],
                        $group->{members} ? (GroupMembership => $group->{members}) : (),
                    }
                );
            }
        }
    );
    return;
}

# The Command Line Tools: real Debian compilers under Apple's paths. gcc finds its assembler and linker by -B, since
# a Mac's PATH has only shims of those names.
sub lay_out_developer_tools {
    my $bin = "Library/Developer/CommandLineTools/usr/bin";
    make_path("$root/$bin");
    for my $name (qw(git make m4 ar as ld nm ranlib strip strings size c++filt)) {
        symlink "/.sim/debian/usr/bin/$name", "$root/$bin/$name" or die "mac: $bin/$name: $!\n";
    }
    symlink "make", "$root/$bin/gnumake";
    symlink "m4",   "$root/$bin/gm4";
    for my $name (qw(cc gcc clang)) {
        write_text("$bin/$name", "#!/bin/sh\nexec /.sim/debian/usr/bin/gcc -B/.sim/debian/usr/bin/ \"\$@\"\n", 0755);
    }
    write_text("$bin/cpp", "#!/bin/sh\nexec /.sim/debian/usr/bin/cpp \"\$@\"\n", 0755);
    return;
}

# Debian's OCaml as a prefix of its own, like one that an operator has installed: bin and lib/ocaml. The programs call
# assembler and linker by Debian's names (x86_64-linux-gnu-as), which only they are to see.
sub lay_out_ocaml {
    my ($prefix) = @_;
    make_path("$root$prefix/bin", "$root$prefix/lib");
    for my $name (map {m{([^/]+)\z}} glob "$root/.sim/debian/usr/bin/ocaml*") {
        my $script = "#!/bin/sh\nPATH=\$PATH:/.sim/debian/usr/bin exec /.sim/debian/usr/bin/$name \"\$@\"\n";
        write_text("$prefix/bin/$name", $script, 0755);
    }
    symlink "/.sim/debian/usr/lib/ocaml", "$root$prefix/lib/ocaml" or die "mac: $prefix/lib/ocaml: $!\n";
    return;
}
