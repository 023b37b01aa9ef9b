#!/bin/bash
# Side-by-side benchmark of obuilderfs: native, bindfs and obuilderfs in one run, row by row and in turn, so that a busy
# machine slows all alike.
#
#   bench/fs/fsbench.sh [-r REPEATS] [-t "ROW ROW ..."] [-c "CANDIDATE ..."] [-w WORKDIR] [-o FILE.csv]
#   bench/fs/fsbench.sh -s FILE.csv        # medians, spread, multiples of native
#
# Candidates: native, bindfs, obuilderfs (OBUILDERFS=path of another build). A fresh mount for each row and repeat; caches
# are dropped before cold rows and filled before warm ones. Two-user rows: bindfs gets two mounts, which a Mac cannot have.
# Needs root, /dev/fuse, gcc, git, tar, fio, perl, setpriv; bindfs to be compared with. Times are wall-clock seconds.
set -u
LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
repeats=5 work=${FSBENCH_WORK:-/tmp/fsbench} out='' rows='' summary='' candidates='native bindfs obuilderfs'
daemon=${OBUILDERFS:-$here/../../native/obuilderfs}
one_user='stat_cold stat_warm lsr stat10k create unlink untar rmtree write read_cold read_warm random4k exec git_cold git_warm compile openread brew_install opam_build'
two_users='stat10k_two stat_two_cold stat_two_warm compile_two turns_1000 turns_1'
while getopts r:t:c:w:o:s: flag; do
    case $flag in
    r) repeats=$OPTARG ;; t) rows=$OPTARG ;; c) candidates=$OPTARG ;; w) work=$OPTARG ;; o) out=$OPTARG ;;
    s) summary=$OPTARG ;; *) sed -n '2,13p' "$0"; exit 2 ;;
    esac
done
[ -z "$summary" ] || exec perl "$here/summary.pl" "$summary"
[ "$(id -u)" = 0 ] || { echo "fsbench: must run as root" >&2; exit 1; }
out=${out:-$work/results.csv}
rows=${rows:-$one_user $two_users}
mnt=$work/mnt mnt2=$work/mnt2 board=$work/board data=$work/data
tree1=$work/u1/local tree2=$work/u2/local
user1=61001 user2=61002
big_mib=${FSBENCH_MIB:-512}

as() { local uid=$1; shift; setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"; }
tool() { as "$user1" "$data/tool" "$@"; }
tool2() { as "$user2" "$data/tool" "$@"; }
drop() { sync; echo 3 >/proc/sys/vm/drop_caches; }

make_fixtures() {
    mkdir -p "$mnt" "$mnt2" "$board" "$data" "$work/fallback"
    chmod 755 "$work" "$mnt" "$mnt2" "$board"
    [ -e "$data/complete" ] && return
    echo "fsbench: making fixtures in $work" >&2
    rm -rf "$work/u1" "$work/u2" "${data:?}"/*
    mkdir -p "$tree1" "$tree2"
    gcc -O2 -o "$data/tool" "$here/tool.c" || exit 1
    perl "$here/fixtures.pl" "$tree1" "$data" || exit 1
    (cd "$tree1/Homebrew" && git init -q . && git config user.email bench@example.org && git config user.name bench &&
        git config gc.auto 0 && git add -A && git commit -qm fixtures) >/dev/null
    cp -a "$tree1/." "$tree2/"
    cp /bin/true "$tree1/bin/true" && cp /bin/true "$tree2/bin/true"
    chown -R "$user1:$user1" "$work/u1"
    chown -R "$user2:$user2" "$work/u2"
    ln -sfn "$work/u1" "$board/$user1"
    ln -sfn "$work/u2" "$board/$user2"
    chmod -R a+rX "$data"
    touch "$data/complete"
}

pid='' pid2=''
mount_candidate() {
    pid='' pid2=''
    case $1 in
    native) A=$tree1 B=$tree2; return ;;
    bindfs)
        bindfs -f "$tree1" "$mnt" >/dev/null 2>&1 & pid=$!
        bindfs -f "$tree2" "$mnt2" >/dev/null 2>&1 & pid2=$!
        A=$mnt B=$mnt2 ;;
    obuilderfs)
        "$daemon" --scoreboard "$board" --fallback "$work/fallback" "$mnt" >/dev/null 2>"$work/daemon.log" & pid=$!
        A=$mnt B=$mnt ;;
    *) echo "fsbench: unknown candidate $1" >&2; exit 2 ;;
    esac
    for _ in $(seq 200); do
        mountpoint -q "$mnt" && { [ -z "$pid2" ] || mountpoint -q "$mnt2"; } && return
        sleep 0.05
    done
    echo "fsbench: $1 did not mount" >&2
    exit 1
}
unmount_candidate() {
    cd / || exit 1
    for m in "$mnt" "$mnt2"; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            mountpoint -q "$m" || break
            umount "$m" 2>/dev/null || sleep 0.2
        done
        ! mountpoint -q "$m" || umount -l "$m"
    done
    # A mount namespace that somebody else made meanwhile may hold a copy of the mount: then nothing ends by itself.
    for p in $pid $pid2; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$p" 2>/dev/null || break; sleep 0.05; done
        kill "$p" 2>/dev/null
        wait "$p"
    done
    pid='' pid2=''
}
trap unmount_candidate EXIT

clock() { # repeat, command...
    local n=$1 from to
    shift
    from=$(date +%s.%N)
    "$@" || { echo "fsbench: $row failed for $candidate: $*" >&2; return 1; }
    to=$(date +%s.%N)
    printf '%s,%s,%s,%s\n' "$candidate" "$row" "$n" "$(echo "$to - $from" | bc)" | tee -a "$out" >&2
}
both() { "$@" & local first=$!; "${second[@]}"; local result=$?; wait "$first" && [ "$result" = 0 ]; }
times() { local n=$1 i; shift; for ((i = 0; i < n; i++)); do "$@" || return 1; done; }
compile() { as "$1" sh -c "for i in 1 2 3 4 5; do gcc -I$2/include -o $2/work/t $data/t.c || exit 1; done"; }
git_status() { as "$user1" env HOME=/ GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*' -C "$A/Homebrew" status --porcelain; }
big() { [ "$(stat -c %s "$A/work/big" 2>/dev/null)" = $((big_mib << 20)) ] || write_big; }
write_big() { as "$user1" dd if=/dev/zero of="$A/work/big" bs=1M count="$big_mib" conv=fsync status=none; }

run_row() { # row, repeat
    case $1 in
    stat_cold) drop; clock "$2" tool walk "$A/Cellar" ;;
    stat_warm) tool walk "$A/Cellar"; clock "$2" tool walk "$A/Cellar" ;;
    lsr) as "$user1" sh -c "ls -lR $A/Cellar/pkg0[1-4] >/dev/null"; clock "$2" as "$user1" sh -c "ls -lR $A/Cellar/pkg0[1-4] >/dev/null" ;;
    stat10k) tool walk "$A/Cellar/pkg01" 4; clock "$2" tool walk "$A/Cellar/pkg01" 4 ;;
    create) as "$user1" rm -rf "$A/work/c"; as "$user1" mkdir "$A/work/c"; clock "$2" tool create "$A/work/c" 10000 ;;
    unlink) as "$user1" rm -rf "$A/work/c"; as "$user1" mkdir "$A/work/c"; tool create "$A/work/c" 10000; clock "$2" tool unlink "$A/work/c" 10000 ;;
    untar) as "$user1" rm -rf "$A/work/tree"; sync; clock "$2" as "$user1" tar -C "$A/work" -xf "$data/source.tar" ;;
    rmtree) as "$user1" rm -rf "$A/work/tree"; as "$user1" tar -C "$A/work" -xf "$data/source.tar"; clock "$2" as "$user1" rm -rf "$A/work/tree" ;;
    write) as "$user1" rm -f "$A/work/big"; sync; clock "$2" write_big ;;
    read_cold) big; drop; clock "$2" as "$user1" dd if="$A/work/big" of=/dev/null bs=1M status=none ;;
    read_warm) big; as "$user1" cat "$A/work/big" >/dev/null; clock "$2" as "$user1" dd if="$A/work/big" of=/dev/null bs=1M status=none ;;
    random4k) big; drop; clock "$2" as "$user1" fio --name=r --filename="$A/work/big" --readonly --rw=randread --bs=4k --ioengine=psync --number_ios=10000 --norandommap --randseed=7 --invalidate=0 --output=/dev/null ;;
    exec) tool exec "$A/bin/true" 20; clock "$2" tool exec "$A/bin/true" 1000 ;;
    git_cold) as "$user1" env HOME=/ git -c safe.directory='*' -C "$A/Homebrew" status --porcelain; drop; clock "$2" git_status ;;
    git_warm) as "$user1" env HOME=/ git -c safe.directory='*' -C "$A/Homebrew" status --porcelain; clock "$2" git_status ;;
    compile) compile "$user1" "$A"; clock "$2" compile "$user1" "$A" ;;
    openread) tool readall "$A/Homebrew/f1"; clock "$2" tool readall "$A/Homebrew/f1" ;;
    brew_install) as "$user1" rm -rf "$A/work/keg" "$A/work/linked"; sync; clock "$2" as "$user1" perl "$here/keg.pl" "$data/source.tar" "$A/work" ;;
    opam_build) as "$user1" rm -rf "$A/work/opam"; sync; clock "$2" as "$user1" perl "$here/opam.pl" "$data/source.tar" "$A/work/opam" ;;
    stat10k_two) second=(times 10 tool2 walk "$B/Cellar/pkg01"); clock "$2" both times 10 tool walk "$A/Cellar/pkg01" ;;
    stat_two_cold) drop; second=(tool2 walk "$B/Cellar"); clock "$2" both tool walk "$A/Cellar" ;;
    stat_two_warm) tool walk "$A/Cellar"; tool2 walk "$B/Cellar"; second=(tool2 walk "$B/Cellar"); clock "$2" both tool walk "$A/Cellar" ;;
    compile_two) second=(compile "$user2" "$B"); clock "$2" both compile "$user1" "$A" ;;
    turns_1000) clock "$2" "$data/tool" turns "$A/Cellar/pkg01" "$B/Cellar/pkg01" 1000 20000 "$user1" "$user2" ;;
    turns_1) clock "$2" "$data/tool" turns "$A/Cellar/pkg01" "$B/Cellar/pkg01" 1 20000 "$user1" "$user2" ;;
    *) echo "fsbench: unknown row $1" >&2; exit 2 ;;
    esac
}

make_fixtures
[ -s "$out" ] || echo candidate,row,repeat,seconds >"$out"
for repeat in $(seq "$repeats"); do
    for row in $rows; do
        for candidate in $candidates; do
            mount_candidate "$candidate"
            run_row "$row" "$repeat"
            as "$user1" rm -rf "$A/work/keg" "$A/work/linked" "$A/work/opam" "$A/work/tree" "$A/work/c"
            unmount_candidate
        done
    done
done
exec perl "$here/summary.pl" "$out"
