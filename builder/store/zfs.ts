import { sh } from "../../host/quote.js";

/**
 * OBuilder's datasets (its zfs store, from 0.6 on the only one on macOS) as shell functions: `POOL/{state,result,cache,
 * cache-tmp}`, a step is `POOL/result/<id>` with children `home` and `brew`, and exists when its snapshot `@snap` does; a
 * base is `POOL/base-image/NAME/{home,brew}@snap`. Commands and their order are the original's, as captured
 * (test/builder/store/zfs-commands.json), with three differences:
 *
 * - caches are mounted also where their target was not there before;
 * - leftovers of a build that died (a result without its snapshot) are destroyed before their place is used again;
 * - `POOL/result` is not unmounted and mounted again after a build: that is where ZFS on macOS hangs for good.
 *
 * Functions: `zfs_probe`, `zfs_open`, `zfs_has ID`, `zfs_base ID NAME`, `zfs_begin ID PARENT`, `zfs_save ID`,
 * `zfs_abort ID`, `zfs_enter_cache N NAME TARGET`, `zfs_leave_cache N NAME`, `zfs_keep_cache N SPARE NAME`, `zfs_delete ID`,
 * `zfs_publish NAME HOME_TREE BREW_TREE`. They need `home`, `prefix`, `uid`, `gid` of the builder.
 */
export function renderZfsShell(pool: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_.:-]*$/.test(pool)) throw new RangeError(`not a pool: ${JSON.stringify(pool)}`);
  return `${sh`pool=${pool}\n`}${ZFS_SHELL}`;
}

const ZFS_SHELL = String.raw`
# Not on PATH over SSH; copied to the home where a brew dataset hides /usr/local.
zfs_program=$(command -v zfs || ls /usr/local/zfs/bin/zfs /Users/*/zfs/bin/zfs 2>/dev/null | head -n 1 || :)
# A call that hangs must not hold a Mac for ever.
zfs_call() { /usr/bin/perl -e 'alarm 900; exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n"' "$zfs_program" "$@"; }
zfs_exists() { zfs_call list -H "$1" >/dev/null 2>&1; }
zfs_has() { zfs_exists "$pool/result/$1@snap"; }
zfs_value() { zfs_call get -H -o value "$1" "$2"; }
zfs_children() { zfs_call list -H -r -o name "$1" | sed -n "s|^$1/\\([^/]*\\)\$|\\1|p" | sort; }
# Where the pool lies: /Volumes/POOL on macOS.
zfs_root() { zfs_value mountpoint "$pool"; }

zfs_probe() {
  [ -n "$zfs_program" ] || { echo "there is no zfs on this Mac" >&2; return 1; }
  zfs_exists "$pool" || { echo "there is no pool $pool (after a start of the Mac it comes up to a minute later)" >&2; return 1; }
}

zfs_open() {
  root=$(zfs_root)
  if zfs_exists "$pool/cache-tmp"; then zfs_call destroy -R -f -- "$pool/cache-tmp"; fi
  for part in state result cache cache-tmp; do
    zfs_exists "$pool/$part" || zfs_call create -- "$pool/$part"
    chown 0:0 "$root/$part"
  done
}

# An unmount that has not come to its end yet makes a dataset busy: tried again for some seconds.
zfs_retry() {
  n=0
  until zfs_call "$@" 2>/dev/null; do
    n=$((n + 1))
    if [ $n -ge 8 ]; then zfs_call "$@"; return; fi
    sleep 0.5
  done
}
zfs_destroy() { zfs_retry destroy -r -f -- "$1"; }
zfs_clear() { if zfs_exists "$1"; then zfs_destroy "$1"; fi; }

zfs_base() { # id, name
  ds=$pool/result/$1
  root=$(zfs_root)
  zfs_clear "$ds"
  zfs_call create -- "$ds"
  chown 0:0 "$root/result/$1"
  mkdir -m 755 -- "$root/result/$1/rootfs"
  : >"$root/result/$1/log"
  for child in $(zfs_children "$pool/base-image/$2"); do
    zfs_call clone "$pool/base-image/$2/$child@snap" "$ds/$child"
  done
  printf '((env ()))' >"$root/result/$1/env"
  zfs_call snapshot -r -- "$ds@snap"
}

zfs_place() { # dataset, home and prefix or none
  for child in home brew; do
    zfs_exists "$1/$child" || continue
    if [ $child = home ]; then place=$2; else place=$3; fi
    if zfs_call set "mountpoint=$place" "$1/$child"; then continue; fi
    # Something still has a file open there.
    sleep 2
    pkill -9 -U "$uid" || :
    zfs_call unmount -f "$1/$child" || :
    zfs_call set "mountpoint=$place" "$1/$child" || return
  done
}

zfs_begin() { # id, parent
  ds=$pool/result/$1
  zfs_clear "$ds"
  zfs_call clone -o canmount=noauto -- "$pool/result/$2@snap" "$ds"
  # zfs-fuse mounts it at once.
  [ "$(zfs_value mounted "$ds")" = yes ] || zfs_call mount "$ds"
  for child in $(zfs_children "$pool/result/$2"); do
    zfs_call clone -o mountpoint=none -- "$pool/result/$2/$child@snap" "$ds/$child"
  done
  : >"$(zfs_root)/result/$1/log"
  zfs_place "$ds" "$home" "$prefix"
}
zfs_leave() { zfs_place "$pool/result/$1" none none; }
zfs_save() { zfs_call snapshot -r -- "$pool/result/$1@snap"; }
zfs_abort() { zfs_leave "$1"; zfs_destroy "$pool/result/$1"; }
zfs_delete() { zfs_destroy "$pool/result/$1"; }

zfs_make_cache() { # number, name
  ds=$pool/cache/c-$2
  zfs_exists "$ds" || zfs_call create -- "$ds"
  if ! zfs_exists "$ds@snap"; then
    chown "$uid:$gid" "$(zfs_root)/cache/c-$2"
    zfs_call snapshot -r -- "$ds@snap"
  fi
  zfs_call clone -- "$ds@snap" "$pool/cache-tmp/$1-c-$2"
}
zfs_enter_cache() { zfs_call set "mountpoint=$3" "$pool/cache-tmp/$1-c-$2"; } # number, name, target
zfs_leave_cache() { zfs_call inherit mountpoint "$pool/cache-tmp/$1-c-$2"; } # number, name
# The clone becomes the cache; the one before goes.
zfs_keep_cache() { # number, spare number, name
  clone=$pool/cache-tmp/$1-c-$3
  zfs_call rename -- "$pool/cache/c-$3" "$pool/cache-tmp/$2-c-$3"
  zfs_call promote "$clone"
  zfs_call destroy -f -- "$pool/cache-tmp/$2-c-$3"
  zfs_call rename -- "$clone@snap" "$clone@old-0"
  zfs_call destroy -d -- "$clone@old-0"
  zfs_call snapshot -r -- "$clone@snap"
  zfs_call rename -- "$clone" "$pool/cache/c-$3"
}

# A base as the production fleet has them: complete under its name or not there. One that results of a worker are clones
# of cannot be destroyed: it stays under another name until they are gone.
zfs_publish() { # name, home's tree, prefix's tree or nothing
  base=$pool/base-image
  zfs_exists "$base" || zfs_call create -- "$base"
  zfs_clear "$base/$1.new"
  zfs_call create -- "$base/$1.new"
  for child in home brew; do
    if [ $child = home ]; then tree=$2; else tree=$3; fi
    [ -n "$tree" ] || continue
    zfs_call create -- "$base/$1.new/$child"
    if [ $child = home ]; then
      /usr/bin/rsync -aHq --exclude=/local "$tree/" "$(zfs_root)/base-image/$1.new/$child/"
    else
      /usr/bin/rsync -aHq "$tree/" "$(zfs_root)/base-image/$1.new/$child/"
    fi
  done
  zfs_call snapshot -r -- "$base/$1.new@snap"
  # Nobody reads a base but by its clones, and each mounted dataset makes the start of a Mac slower.
  for ds in "$base/$1.new/home" "$base/$1.new/brew" "$base/$1.new"; do
    zfs_exists "$ds" || continue
    zfs_call set canmount=noauto "$ds"
    zfs_call unmount "$ds" || zfs_call unmount -f "$ds"
  done
  if zfs_exists "$base/$1"; then
    old=$1.old-$(date -u +%Y%m%d%H%M%S)
    zfs_retry rename -- "$base/$1" "$base/$old"
    zfs_retry rename -- "$base/$1.new" "$base/$1"
    zfs_call destroy -r -- "$base/$old" 2>/dev/null || echo "kept $base/$old"
  else
    zfs_retry rename -- "$base/$1.new" "$base/$1"
  fi
}
`;
