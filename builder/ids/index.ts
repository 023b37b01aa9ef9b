/** Step ids: what each step of a spec is called in a store, and the walk that finds out. */
export * from "./ids.js";
export * from "./context.js";
export * from "./walk.js";
