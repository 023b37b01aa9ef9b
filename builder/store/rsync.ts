import type { StoreMode } from "./layout.js";

/**
 * The rsync engine. Only options that Samba rsync 2.6.9 (macOS to 14), the chooser of 15.0 and openrsync (15.4 on)
 * share; never -E or -X, whose meaning differs and which OBuilder does not use either.
 *
 * One pass per step: the builder's trees go straight into the new result, where the original copies the parent, has
 * the sandbox copy it twice more, and in the hardlink modes reads all of it again. A file equal to the parent's becomes
 * a link to it (`--link-dest`); restoring and publishing always copy, so that an edit in place never reaches a shared file.
 */
export function renderRsyncEngine(mode: StoreMode): string {
  const link = mode === "copy" ? "" : '--link-dest="$1/rootfs$3"';
  const checksum = mode === "hardlink" ? "--checksum" : "";
  return `
engine_probe() {
  [ -x /usr/bin/rsync ] || { echo "/usr/bin/rsync is missing" >&2; return 1; }
  ${mode === "copy" ? ":" : PROBE_LINKS}
}
engine_import() {
  /usr/bin/rsync -aHq "$1/" "$2/rootfs"
  find "$2/rootfs" ! -user "$uid" -exec chown -h "$uid:$gid" {} +
}
snapshot_tree() { # parent, from, below rootfs, to, excluded
  /usr/bin/rsync -aHq ${checksum} ${link} \${5:+"--exclude=$5"} "$2/" "$4"
}
engine_snapshot() {
  mkdir -p "$2/rootfs"
  snapshot_tree "$1" "$home" "" "$2/rootfs" "\${prefix:+/local}"
  [ -z "$prefix" ] || { mkdir -p "$2/rootfs/local"; snapshot_tree "$1" "$prefix" /local "$2/rootfs/local" ""; }
}
compare_by() { [ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name local -print | head -n 1)" ] || printf %s --checksum; }
engine_restore() {
  mkdir -p "$home"
  # By content where something is there already: rsync takes size and whole second for the same file, and a build
  # writes two of those within a second.
  /usr/bin/rsync -aHq --delete $(compare_by "$home") \${prefix:+--exclude=/local} "$1/rootfs/" "$home/"
  set_home_owner
  [ -z "$prefix" ] || {
    mkdir -p "$store/trash"
    local_tree=$1/rootfs/local
    [ -d "$local_tree" ] || local_tree=$empty
    /usr/bin/perl "$prefix_sync" "$local_tree" "$prefix" "$store/trash" /usr/bin/rsync -aHq --delete $(compare_by "$prefix")
  }
  link_local
}
engine_env() { ${mode === "copy" ? 'cp -p "$1/env" "$2/env"' : 'ln "$1/env" "$2/env"'}; }
engine_copy() { /usr/bin/rsync -aHq "$1/" "$2"; }
`;
}

const PROBE_LINKS = `( cd "$store/state" && rm -f probe.a probe.b && echo x >probe.a && ln probe.a probe.b && rm -f probe.a probe.b ) || { echo "the volume of $store has no hard links" >&2; return 1; }`;
