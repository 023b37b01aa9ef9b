type Environment = Readonly<Record<string, string | undefined>>;
/** Builds, images, locks: can be removed at any time when nothing runs, and is made again by set-up. */
export function getCacheFolder(env?: Environment): string;
/** State that must not be lost: the stacks' checkpoints, when no other backend is chosen. */
export function getDataFolder(env?: Environment): string;
