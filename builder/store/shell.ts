import { sh } from "../../host/quote.js";
import type { Builder, StoreConfig } from "./layout.js";

/** The names that all shell text of the store and the build uses. `prefix` is empty for a builder without one. */
export function renderVariables(store: StoreConfig, builder: Builder): string {
  return sh`store=${store.root}
user=${builder.name}
uid=${builder.uid}
gid=${builder.gid}
home=${builder.home}
prefix=${builder.prefix ?? ""}
`;
}

/**
 * Functions of the store. Leftovers and what is deleted go into \`trash\` by a rename, which is atomic and quick; a
 * background removal empties it, and the next one finishes what a lost one left.
 */
export const STORE_SHELL = String.raw`
sql() { { printf '.timeout 10000\n'; cat; } | /usr/bin/sqlite3 -batch "$store/state/db/db.sqlite"; }
rename() { /usr/bin/perl -e 'rename $ARGV[0], $ARGV[1] or die "$ARGV[0] -> $ARGV[1]: $!\n"' "$1" "$2"; }
boot_id() { /usr/sbin/sysctl -n kern.bootsessionuuid 2>/dev/null || cat /proc/sys/kernel/random/boot_id; }
write_file() { cat >"$1.new" && mv -f "$1.new" "$1"; }
discard() {
  [ -e "$1" ] || [ -L "$1" ] || return 0
  mkdir -p "$store/trash"
  rename "$1" "$store/trash/$(date +%s).$$.$(basename "$1")" 2>/dev/null ||
    { chflags -R nouchg,noschg "$1" 2>/dev/null || :; rm -rf "$1"; }
}
empty_trash() {
  [ -d "$store/trash" ] || return 0
  ( trap '' HUP; cd "$store/trash" || exit 0
    chflags -R nouchg,noschg . 2>/dev/null || :; chmod -RN . 2>/dev/null || :; rm -rf ./* ./.[!.]* ) </dev/null >/dev/null 2>&1 9>&- &
}
owner_of() { /usr/bin/perl -e 'my @s = lstat shift or exit 1; print $s[4]' "$1"; }
`;
