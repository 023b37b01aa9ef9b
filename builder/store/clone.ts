/**
 * The clone engine: the same layout as the rsync store, but files of a result share their blocks with the builder's trees
 * and the parent's, until one of them is changed. `$clone_tree` (native/clone) keeps what `cp -c` loses. It needs APFS, or XFS
 * or btrfs with reflinks, and the store on one volume with home and prefix.
 */
export function renderCloneEngine(): string {
  return `
clone_tree=$(ls /Library/macfoundry/libexec/clone-tree.* 2>/dev/null | head -n 1 || :)
device_of() { /usr/bin/perl -e 'my $p = shift; $p =~ s{/[^/]*$}{} until $p eq "" or -e $p; print +(stat($p eq "" ? "/" : $p))[0]' "$1"; }
engine_probe() {
  [ -x "$clone_tree" ] || { echo "the helper clone-tree is not installed" >&2; return 1; }
  for tree in "$home" "$prefix"; do
    [ -z "$tree" ] || [ "$(device_of "$tree")" = "$(device_of "$store")" ] || { echo "$tree and $store lie on two volumes" >&2; return 1; }
  done
  ( cd "$store/state" && rm -rf probe.a probe.b && mkdir probe.a && echo x >probe.a/x && "$clone_tree" probe.a probe.b 2>/dev/null && rm -rf probe.a probe.b ) || {
    rm -rf "$store/state/probe.a" "$store/state/probe.b"
    echo "the volume of $store cannot clone files (it has to be APFS, or XFS or btrfs with reflinks)" >&2; return 1
  }
}
engine_import() {
  "$clone_tree" "$1" "$2/rootfs"
  find "$2/rootfs" ! -user "$uid" -exec chown -h "$uid:$gid" {} +
}
engine_snapshot() {
  "$clone_tree" \${prefix:+-x local} "$home" "$2/rootfs"
  [ -z "$prefix" ] || "$clone_tree" "$prefix" "$2/rootfs/local"
}
engine_env() { cp -p "$1/env" "$2/env"; }
# Whatever lies there moves away first: clones are cheap, and nothing has to be compared.
clear_folder() { # folder, name that stays
  find "$1" -mindepth 1 -maxdepth 1 \${2:+! -name "$2"} -print >"$MACFOUNDRY_JOB/old"
  while IFS= read -r child; do discard "$child"; done <"$MACFOUNDRY_JOB/old"
}
engine_restore() {
  mkdir -p "$home"
  clear_folder "$home" "\${prefix:+local}"
  "$clone_tree" \${prefix:+-x local} "$1/rootfs" "$home"
  set_home_owner
  [ -z "$prefix" ] || {
    clear_folder "$prefix" ""
    [ ! -d "$1/rootfs/local" ] || clone_children "$1/rootfs/local" "$prefix"
  }
  link_local
  empty_trash
}
# /usr/local itself cannot be given another owner: its attributes stay as they are, whatever the result says.
clone_children() {
  find "$1" -mindepth 1 -maxdepth 1 -print >"$MACFOUNDRY_JOB/new"
  if [ "$(owner_of "$2")" = "$uid" ]; then "$clone_tree" "$1" "$2"; return; fi
  while IFS= read -r child; do
    if [ -d "$child" ] && [ ! -L "$child" ]; then "$clone_tree" "$child" "$2/$(basename "$child")"; else cp -pR "$child" "$2/"; fi
  done <"$MACFOUNDRY_JOB/new"
}
engine_copy() { "$clone_tree" "$1" "$2"; }
`;
}
