import { renderCloneEngine } from "./clone.js";
import type { StoreConfig } from "./layout.js";
import { renderRsyncEngine } from "./rsync.js";

/**
 * How an engine copies trees. Every engine is POSIX sh that defines the same functions; all else (layout,
 * database, order of commands) is common. Names of renderVariables are set, and PREFIX_SYNC is in the file named by
 * \`$prefix_sync\`.
 *
 *   engine_probe              says on standard error why the volume cannot do it, and fails
 *   engine_import SRC TMP     a base's tree: SRC/ to TMP/rootfs, owned by the builder
 *   engine_snapshot P TMP     the builder's trees to TMP/rootfs; P is the parent's result
 *   engine_env P TMP          the parent's \`env\` file, carried along
 *   engine_restore RESULT     a result's rootfs to the builder's trees, whatever they held
 *   engine_copy SRC DST       a private copy of a tree, DST does not exist: caches, publications
 */
export interface StoreEngine {
  readonly name: StoreConfig["engine"];
  readonly shell: string;
  /** True when files of a result share their blocks or inodes with the parent's, so its own size is not its disk use. */
  readonly isSharing: boolean;
}

export function selectEngine(config: StoreConfig): StoreEngine {
  switch (config.engine) {
    case "rsync": {
      const mode = config.mode ?? "copy";
      return { name: "rsync", shell: renderRsyncEngine(mode), isSharing: mode !== "copy" };
    }
    case "clone":
      return { name: "clone", shell: renderCloneEngine(), isSharing: true };
  }
}
