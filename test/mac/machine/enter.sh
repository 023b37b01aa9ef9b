#!/bin/sh
# Process 1 of a Mac before it becomes launchd: in fresh mount, pid and uts namespaces, puts the Mac's file systems
# together, makes its data volume the root and starts launchd. Nothing mounted here is seen outside.
# Arguments: folder of the instance, lower image, folder of the sealed commands, mount point, host name.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
instance=$1
base=$2
system=$3
root=$4
name=$5
source=$(cd "$(dirname "$0")" && pwd)

hostname "$name"
disk=$instance/data.xfs
is_new=
if [ ! -e "$disk" ]; then
    is_new=yes
    disk=$instance/data.new
    truncate -s "$(cat "$instance/data-size")" "$disk"
    mkfs.xfs -q -K -m reflink=1 "$disk"
fi
mount -o loop,noatime "$disk" "$root"
mkdir -p "$root/.sim/debian"
mount -o loop,ro "$base" "$root/.sim/debian"
if [ -n "$is_new" ]; then
    perl "$source/provision.pl" "$root" "$instance/config.json"
    mv "$disk" "$instance/data.xfs"
fi

bind() {
    mount --bind "$1" "$root/$2"
    mount -o remount,bind,ro "$root/$2"
}
for dir in bin sbin usr/bin usr/sbin usr/libexec; do bind "$system/$dir" "$dir"; done
bind "$system/lib" .sim/lib
for dir in lib share include; do bind "$root/.sim/debian/usr/$dir" "usr/$dir"; done
mount --bind "$root" "$root/System/Volumes/Data"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"

mount -t tmpfs -o mode=0755,nosuid tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=4 devpts "$root/dev/pts"
for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0' 'fuse 10 229'; do
    # shellcheck disable=SC2086 # three words
    set -- $node
    mknod -m 0666 "$root/dev/$1" c "$2" "$3"
done
mknod -m 0600 "$root/dev/console" c 5 1
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for fd in 0 1 2; do ln -s "fd/$fd" "$root/dev/std$(echo in out err | cut -d' ' -f$((fd + 1)))"; done

# A new boot session. The state's files are the stand-ins' kern.bootsessionuuid and kern.boottime.
tr '[:lower:]' '[:upper:]' </proc/sys/kernel/random/uuid >"$root/.sim/state/bootsessionuuid"
date '+%s.%N' | cut -c1-17 >"$root/.sim/state/boottime"
rm -rf "$root"/private/tmp/* "$root"/private/var/run/*

# The sealed system: with the immutable flag even root gets EPERM, as on macOS 12 and later.
chattr +i "$root" "$root/usr" "$root/System"
cd "$root"
pivot_root . .sim/old
exec /bin/sh -c '/.sim/debian/usr/bin/umount -l /.sim/old
exec /.sim/debian/usr/bin/env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin /.sim/lib/launchd' \
    </dev/null >/.sim/log/launchd.log 2>&1
