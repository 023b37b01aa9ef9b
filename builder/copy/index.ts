/** The copy op: what it copies, and the stream it is sent as. */
export * from "./tree.js";
export * from "./manifest.js";
export * from "./entries.js";
export * from "./tar.js";
export * from "./send.js";
export * from "./collisions.js";
export * from "./virtual.js";
