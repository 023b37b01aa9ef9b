import type { Arch } from "./types.js";

/** Homebrew's own places: its bottles are built for exactly these. */
export const PREFIXES: Readonly<Record<Arch, string>> = { x86_64: "/usr/local", arm64: "/opt/homebrew" };

export const DEFAULT_STORE_PATH = "/var/db/macfoundry/store";
export const DEFAULT_KEEP = 3;
/** `staff`, the primary group of a Mac's ordinary accounts. */
export const DEFAULT_GID = 20;
export const DEFAULT_SHELL = "/bin/bash";

export function defaultHome(builder: string): string {
  return `/Users/${builder}`;
}

/** Not below /usr/local or /opt/homebrew: those are Homebrew's, and a builder's. */
export function defaultCompilerPrefix(version: string): string {
  return `/Library/macfoundry/ocaml/${version}`;
}
