// Where macfoundry keeps what belongs to the user, not to a clone.
import * as os from "node:os";
import * as path from "node:path";

/** XDG's rule: a variable that is empty or relative counts as unset. */
function pickFolder(value, ...fallback) {
  return value !== undefined && path.isAbsolute(value) ? value : path.join(os.homedir(), ...fallback);
}

/** Builds, images, locks: can be removed at any time when nothing runs, and is made again by set-up. */
export function getCacheFolder(env = process.env) {
  return path.join(pickFolder(env.XDG_CACHE_HOME, ".cache"), "macfoundry");
}

/** State that must not be lost: the stacks' checkpoints, when no other backend is chosen. */
export function getDataFolder(env = process.env) {
  return path.join(pickFolder(env.XDG_DATA_HOME, ".local", "share"), "macfoundry");
}
