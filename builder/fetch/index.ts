/** Pinned sources on this machine: verified, and laid out for a build's context. */
export { copyArchive, hashFile, verifyArchive } from "./archive.js";
export { defaultCacheFolder, prepareContext, type PreparedContext, type PrepareOptions } from "./context.js";
export { packCommit } from "./git.js";
export { contextDigest, contextFileName, type PinnedArchive, type PinnedGit, type PinnedSource } from "./sources.js";
