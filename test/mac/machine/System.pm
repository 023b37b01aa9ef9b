package System;

# The sealed part of a Mac of one macOS version: /bin /sbin /usr/bin /usr/sbin /usr/libexec, holding only the names
# that its install tables give, and the library folder of the stand-ins. One folder in the cache for each version and
# content; every Mac of that version binds it read-only.

use strict;
use warnings;
use Cache          qw(home_dir source_dir with_lock native_program digest_files read_file say_progress);
use File::Find     ();
use File::Path     qw(make_path remove_tree);
use File::Copy     ();
use File::Basename qw(dirname basename);

# Set-user-id programs of a Mac. On a script the bit does nothing but what sandboxes look at: they start none of these.
# sandbox-exec has it only here, for the kernel's sake.
my %SET_ID = map { $_ => 1 }
    qw(/bin/ps /usr/bin/at /usr/bin/crontab /usr/bin/login /usr/bin/newgrp /usr/bin/quota /usr/bin/su
    /usr/bin/sudo /usr/bin/top /usr/bin/sandbox-exec);

our @SEALED = qw(bin sbin usr/bin usr/sbin usr/libexec);

# Which table gives the files of kind `standin` from which folder; a later table's row wins over an earlier one's.
my @TABLES = (["system/install.tsv", "system"], ["commands/install.tsv", "commands"]);

# Rows of all tables that hold for a version: { path, kind, target, folder }.
sub list_rows {
    my ($macos) = @_;
    my %rows;
    for my $table (@TABLES) {
        my ($file, $folder) = @$table;
        my $path = source_dir() . "/$file";
        next if !-e $path;
        my $line = 0;
        for my $row (split /\n/, read_file($path)) {
            $line++;
            next if $row =~ /^(#|\s*\z)/;
            my ($mac_path, $kind, $target, $min, $max, @rest) = split /\t/, $row;
            die "mac: $file:$line: want five columns\n" if !defined $max || @rest;
            next                                        if $min ne "-" && compare_versions($macos, $min) < 0;
            next                                        if $max ne "-" && compare_versions($macos, $max) > 0;
            $rows{$mac_path} = { path => $mac_path, kind => $kind, target => $target, folder => $folder };
        }
    }
    return sort { $a->{path} cmp $b->{path} } values %rows;
}

# Only as many parts as the bound has: 14.5 is within a maximum of 14.
sub compare_versions {
    my ($version, $bound) = @_;
    my @version = split /\./, $version;
    for my $part (split /\./, $bound) {
        my $order = (shift(@version) // 0) <=> $part;
        return $order if $order;
    }
    return 0;
}

sub list_sources {
    my @paths;
    for my $folder (qw(commands lib system native)) {
        my $dir = source_dir() . "/$folder";
        next if !-d $dir;
        File::Find::find({ no_chdir => 1, wanted => sub { push @paths, $_ if -f } }, $dir);
    }
    return sort @paths;
}

# Path of the folder for a version, built from the lower image when it is not there.
sub system_dir {
    my ($macos, $base) = @_;
    my $key = digest_files(__FILE__, list_sources()) . "-" . (basename($base) =~ /([0-9a-f]+)\.squashfs\z/)[0];
    my $dir = home_dir() . "/system-$macos-$key";
    return $dir if Cache::mark_used($dir);
    with_lock("system", sub { build_dir($dir, $macos, $base) if !-d $dir });
    return $dir;
}

sub build_dir {
    my ($dir, $macos, $base) = @_;
    say_progress("laying out the commands of macOS $macos");
    my $new = "$dir.new.$$";
    remove_tree($_) for glob(home_dir() . "/system-*.new.*");
    make_path(map {"$new/$_"} @SEALED, "lib", "debian");

    # The image is mounted in a namespace of its own: an interrupted build leaves no mount behind.
    my $copies = "";
    for my $row (list_rows($macos)) {
        my $to = "$new$row->{path}";
        make_path(dirname($to));
        if ($row->{kind} eq "real") {
            $copies .= join("\t", "$new/debian/" . debian_path($row->{target}), $to) . "\n";
        }
        elsif ($row->{kind} eq "native") {
            install_file(native_program($row->{target}), $to);
        }
        elsif ($row->{kind} eq "link") {
            symlink $row->{target}, $to or die "mac: $to: $!\n";
        }
        else {
            my $file = $row->{kind} eq "shim" ? "commands/shim" : "$row->{folder}/$row->{target}";
            my $from = source_dir() . "/$file";
            if (!-e $from) { say_progress("$row->{path}: there is no $file"); next }
            install_file($from, $to);
        }
    }
    my $script = <<'SH';
mount -o loop,ro "$1" "$2/debian" || exit 1
cp -a "$2/debian/usr/libexec/." "$2/usr/libexec/" || exit 1
tab=$(printf '\t')
while IFS="$tab" read -r from to; do
    cp -L --preserve=mode "$from" "$to" || echo "mac: $to: not in the lower image" >&2
done
SH
    open my $sh, "|-", "unshare", "--mount", "sh", "-c", $script, "sh", $base, $new or die "mac: unshare: $!\n";
    print {$sh} $copies;
    close $sh or die "mac: the commands of macOS $macos could not be laid out\n";
    rmdir "$new/debian";
    chmod 04755, "$new$_" for grep { -e "$new$_" } keys %SET_ID;

    for my $file (glob source_dir() . "/lib/* " . source_dir() . "/system/lib/*") {
        install_file($file, "$new/lib/" . basename($file));
    }
    rename $new, $dir or die "mac: $dir: $!\n";
    remove_old($macos, $dir);
    return;
}

sub debian_path { return $_[0] =~ m{^/} ? substr $_[0], 1 : "usr/bin/$_[0]" }

sub install_file {
    my ($from, $to) = @_;
    unlink $to;
    File::Copy::copy($from, $to) or die "mac: $to: $!\n";
    chmod 0755, $to;
    return;
}

# A running Mac would lose its commands: only folders go that no boot wanted for a day, longer than a Mac lives.
sub remove_old {
    my ($macos, $keep) = @_;
    for my $dir (glob home_dir() . "/system-$macos-*") {
        remove_tree($dir) if $dir ne $keep && -M $dir > 1;
    }
    return;
}

1;
