#!/bin/sh
# Compiles and links obuilderfs for both kinds of Mac, warnings as errors, with the clang, the linker and Apple's headers of
# the PyPI package ziglang. The programs cannot run here: this proves types, names and calls. `fs/tests/darwin/` holds
# what that package lacks. Called in native/.
set -eu
version=0.15.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/macfoundry/ziglang-$version
build=build/darwin

if ! "$cache/bin/python" -m ziglang version >/dev/null 2>&1; then
    if ! { python3 -m venv "$cache" && "$cache/bin/pip" install -q --disable-pip-version-check "ziglang==$version"; }; then
        echo "SKIPPED: pip cannot get ziglang $version; nothing was compiled for a Mac"
        [ -z "${CI:-}" ]
        exit
    fi
fi

include=$build/include
mkdir -p "$include"
fuse=$(pkg-config --variable=includedir fuse3 2>/dev/null || echo /usr/include)
rm -rf "$include/fuse3"
cp -R "$fuse/fuse3" "$include/fuse3"

for target in aarch64-macos x86_64-macos; do
    objects=
    for source in fs/*.c; do
        case $source in fs/linux*) continue ;; esac
        object=$build/$target/$(basename "$source" .c).o
        mkdir -p "$(dirname "$object")"
        "$cache/bin/python" -m ziglang cc -target "$target" -std=c11 -D_DARWIN_C_SOURCE -D_FILE_OFFSET_BITS=64 \
            -DFUSE_DARWIN_ENABLE_EXTENSIONS=0 -I"$include/fuse3" -Ifs/tests/darwin/include -Wall -Wextra -Wshadow \
            -Wstrict-prototypes -Wmissing-prototypes -Werror -O1 -pthread -c -o "$object" "$source"
        objects="$objects $object"
    done
    # shellcheck disable=SC2086 # a list of files
    "$cache/bin/python" -m ziglang cc -target "$target" -o "$build/obuilderfs-$target" $objects fs/tests/darwin/libfuse3.tbd \
        -Wl,-rpath,/Library/macfoundry/lib
    file "$build/obuilderfs-$target" 2>/dev/null || ls -l "$build/obuilderfs-$target"
done
