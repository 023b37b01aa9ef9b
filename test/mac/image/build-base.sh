#!/bin/sh
# Builds the lower image of the simulated Mac: Debian packages, unpacked but not configured (no maintainer script
# runs), as a squashfs. Usage: build-base.sh PACKAGES-FILE OUTPUT-FILE
# The image appears under its name only when it is whole; the caller holds the lock. Progress goes to stderr.
set -eu
packages_file=$1
output=$2
LC_ALL=C
export LC_ALL

say() { printf 'mac: %s\n' "$*" >&2; }

for tool in mmdebstrap mksquashfs apt-get; do
    if ! command -v "$tool" >/dev/null; then
        say "$tool is missing: apt-get install --no-install-recommends mmdebstrap squashfs-tools"
        exit 69
    fi
done

work=$output.work.$$
rm -rf "$output".work.*
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

# The machine's own apt sources of Debian, as far as apt has their lists: works behind any mirror.
list_sources() {
    apt-get indextargets 'Created-By: Packages' --format "\$(ORIGIN) \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" |
        while read -r origin uri release component; do
            if [ "$origin" = Debian ]; then printf 'deb %s %s %s\n' "$uri" "$release" "$component"; fi
        done
}

sources=$(list_sources)
if [ -z "$sources" ]; then
    say "apt knows no Debian packages yet, updating its lists"
    apt-get update >&2
    sources=$(list_sources)
fi
if [ -z "$sources" ]; then
    say "apt has no Debian source; add one and run apt-get update"
    exit 69
fi
. /etc/os-release
include=$(sed -e '/^#/d' -e '/^$/d' "$packages_file" | paste -sd, -)

say "unpacking Debian $VERSION_CODENAME packages (about a minute, once per machine)"
printf '%s\n' "$sources" | mmdebstrap --quiet --mode=root --variant=extract --format=directory \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --aptopt='Apt::Install-Recommends "false"' \
    --include="$include" "$VERSION_CODENAME" "$work/root" - >&2

# What no Mac needs: manuals, translations, package archives. Includes and static libraries stay for the compilers.
rm -rf "$work/root/usr/share/doc" "$work/root/usr/share/man" "$work/root/usr/share/info" \
    "$work/root/usr/share/locale" "$work/root/var/cache" "$work/root/var/lib/apt" "$work/root/usr/share/lintian"

say "packing the image"
mksquashfs "$work/root" "$work/image" -comp lz4 -noappend -no-progress -quiet >&2
sync "$work/image"
mv -f "$work/image" "$output"
say "image ready: $(du -m "$output" | cut -f1) MB"
