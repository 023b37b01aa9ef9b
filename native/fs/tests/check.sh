#!/bin/sh
# All checks of obuilderfs; `make check` calls it in native/. Ends with one line "N passed, N failed".
set -u
passed=0 failed=0
log=build/check.log

count() { # takes a "N passed, N failed" line
    passed=$((passed + ${1%% passed*}))
    rest=${1##*, }
    failed=$((failed + ${rest%% failed*}))
}

one() { # title, command...
    title=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   $title"
    else
        failed=$((failed + 1))
        echo "FAIL $title"
        sed 's/^/    /' "$log"
    fi
}

suites() { # variant, daemon, suite...
    variant=$1 daemon=$2
    shift 2
    echo "== $variant: $*"
    OBFS_TEST_VARIANT=$variant OBUILDERFS=$daemon build/fs-tests "$@" >"$log" 2>&1
    cat "$log"
    last=$(tail -n 1 "$log")
    case $last in
    *" passed, "*" failed") count "$last" ;;
    *) failed=$((failed + 1)) ;; # the test program itself died
    esac
}

compile_with_clang() {
    command -v clang >/dev/null || { echo "clang is not installed"; return 1; }
    make --no-print-directory CC=clang BUILD=build/clang build/clang/obuilderfs
}

analyze() {
    # shellcheck disable=SC2046 # flags are words
    clang --analyze --analyzer-output text -Xanalyzer -analyzer-werror -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
        $(pkg-config --cflags fuse3) fs/[!d]*.c fs/dirfd.c
}

builds_alone() {
    copy=$(mktemp -d)
    cp -R Makefile fs man "$copy"
    make --no-print-directory -C "$copy" && "$copy/obuilderfs" --version
    status=$?
    rm -rf "$copy"
    return $status
}

one "compiles with clang, warnings as errors" compile_with_clang
one "clang --analyze finds nothing" analyze
one "a copy of native/ alone builds" builds_alone
[ ! -x fs/tests/darwin.sh ] || one "compiles and links for both kinds of Mac" fs/tests/darwin.sh

suites plain ./obuilderfs defects semantics lifecycle posix race limits fuzz torture
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
suites "address and undefined" build/asan/obuilderfs defects semantics lifecycle posix race limits fuzz torture
# What one call leaves, the next finds because the kernel carried it over: the sanitizer learns that from reads and writes.
export TSAN_OPTIONS="io_sync=2 history_size=4"
suites thread build/tsan/obuilderfs defects semantics posix race limits fuzz torture

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
