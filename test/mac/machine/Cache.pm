package Cache;

# Where the simulator keeps what it builds on this machine, and how several runs share it: every build happens once,
# under a lock, into a temporary name, and appears by rename; what is interrupted is done again.

use strict;
use warnings;
use Digest::SHA    ();
use Fcntl          qw(:flock F_SETFD);
use File::Path     qw(make_path remove_tree);
use File::Basename qw(dirname);
use Exporter "import";

our @EXPORT_OK =
    qw(home_dir source_dir with_lock base_image native_program digest_files say_progress read_file write_file);

sub source_dir { return dirname(dirname(__FILE__)) }

# MACFOUNDRY_MAC_HOME sets instances apart (a test of the simulator itself, say); images are keyed by content anyway.
sub home_dir {
    my $home = $ENV{MACFOUNDRY_MAC_HOME}
        // ($ENV{XDG_CACHE_HOME} || ($ENV{HOME} // "/root") . "/.cache") . "/macfoundry/mac";
    make_path($home);
    return $home;
}

sub say_progress { print STDERR "mac: @_\n"; return }

sub with_lock {
    my ($name, $action) = @_;
    my $path = home_dir() . "/$name.lock";
    open my $lock, ">>", $path or die "mac: $path: $!\n";

    # The programs of a build hold the lock too: when this process is killed, nobody starts beside what goes on.
    fcntl $lock, F_SETFD, 0 or die "mac: $path: $!\n";
    if (!flock $lock, LOCK_EX | LOCK_NB) {
        say_progress("waiting for another run that builds $name");
        flock $lock, LOCK_EX or die "mac: $path: $!\n";
    }
    return $action->();
}

sub read_file {
    my ($path) = @_;
    open my $file, "<:raw", $path or die "mac: $path: $!\n";
    local $/;
    return scalar <$file>;
}

sub write_file {
    my ($path, $text) = @_;
    my $temporary = "$path.new.$$";
    open my $file, ">:raw", $temporary or die "mac: $temporary: $!\n";
    print {$file} $text or die "mac: $temporary: $!\n";
    close $file         or die "mac: $temporary: $!\n";
    rename $temporary, $path or die "mac: $path: $!\n";
    return;
}

# One digest over names and contents: a renamed file counts as a change, another place of the clone does not.
sub digest_files {
    my (@paths) = @_;
    my $sha     = Digest::SHA->new(256);
    my $from    = length(source_dir()) + 1;
    $sha->add(substr($_, $from) . "\0", read_file($_), "\0") for @paths;
    return substr $sha->hexdigest, 0, 16;
}

sub debian_release {
    return read_file("/etc/os-release") =~ /^VERSION_CODENAME=(\w+)/m ? $1 : "unknown";
}

# Whether it is there; its time says when it was last wanted, since what is old is removed.
sub mark_used { return utime undef, undef, $_[0] }

# The lower image: path of a squashfs, built when this machine has none for the present package list.
sub base_image {
    my $source = source_dir() . "/image";
    my $key    = debian_release() . "-" . digest_files("$source/build-base.sh", "$source/packages.txt");
    my $image  = home_dir() . "/base-$key.squashfs";
    return $image if mark_used($image);
    with_lock(
        "base",
        sub {
            return if -e $image;    # another run was first
            system("sh", "$source/build-base.sh", "$source/packages.txt", $image) == 0
                or die "mac: the lower image could not be built (see above); nothing was changed\n";
            unlink grep { $_ ne $image && -M $_ > 1 } glob home_dir() . "/base-*.squashfs";
        }
    );
    return $image;
}

# A small C program of ours, linked statically: the Mac's own libraries never matter to it.
sub native_program {
    my ($name)  = @_;
    my @sources = sort glob source_dir() . "/native/$name/*.[ch]";
    my $program = home_dir() . "/$name-" . digest_files(@sources);
    return $program if mark_used($program);
    with_lock(
        "native",
        sub {
            return if -e $program;
            my @compile = ("cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-o", "$program.new",
                grep {/\.c\z/} @sources);
            system(@compile) == 0 or die "mac: cannot compile $name (native/$name): apt-get install gcc libc6-dev\n";
            rename "$program.new", $program or die "mac: $program: $!\n";
            unlink grep { $_ ne $program && -M $_ > 1 } glob home_dir() . "/$name-*";
        }
    );
    return $program;
}

sub remove_dir { remove_tree($_[0], { safe => 0 }); return }

1;
