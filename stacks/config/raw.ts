import type { Path } from "./paths.js";

/**
 * The file's values after the shapes were checked and what is unusable was taken out: each is of its type or missing,
 * so that the rules can go on and report everything at once.
 */

export type RawText = string | { secure: string };

export interface RawHost {
  address?: RawText;
  port?: number;
  user?: RawText;
  identity?: RawText;
  hostKey?: RawText;
  jump?: RawText;
  local?: boolean;
  deleteUnreachable?: boolean;
}

export interface RawBuilder {
  name?: string;
  uid?: number;
  gid?: number;
  fullName?: string;
  shell?: string;
  home?: string;
  hidden?: boolean;
  groups?: (string | undefined)[];
  adopt?: boolean;
}

export interface RawCompiler {
  version?: string;
  source?: string;
  prefix?: string;
  configureArgs?: (string | undefined)[];
  adopt?: boolean;
}

export interface RawImage {
  builder?: string;
  spec?: string;
  context?: string;
  from?: Record<string, string | undefined>;
  compiler?: string;
  opam?: (string | undefined)[];
  default?: string;
  keep?: number;
  test?: RawText;
  env?: Record<string, string | undefined>;
  network?: "allow" | "deny";
}

export interface RawSource {
  path?: RawText;
  sha256?: string;
  git?: RawText;
  commit?: string;
  ref?: string;
}

export interface RawConfig {
  "macfoundry:hosts"?: Record<string, RawHost>;
  "fleet:expect"?: {
    arch?: "x86_64" | "arm64";
    macos?: string;
    sip?: "any" | "enabled" | "disabled";
    macfuse?: "any" | "absent" | "loaded";
  };
  "fleet:observe"?: boolean | "true" | "false" | (string | undefined)[];
  "fleet:prefix"?: { path?: string; redirect?: "none" };
  "fleet:builders"?: (RawBuilder | undefined)[];
  "fleet:compilers"?: (RawCompiler | undefined)[];
  "fleet:store"?: { engine?: "rsync" | "clone"; mode?: "copy" | "hardlink" | "hardlink_unsafe"; path?: string };
  "fleet:images"?: Record<string, RawImage>;
  "fleet:sources"?: Record<string, RawSource>;
}

/** Names that others refer to; `isWhole` is false when some could not be read, so a missing one proves nothing. */
export interface KnownNames {
  names: readonly string[];
  isWhole: boolean;
}

/** How rules tell what they find. */
export interface Report {
  (path: Path, reason: string, remedy: string, part?: "key" | "value"): void;
  /** `key` is not there, below `path`. Says nothing when it was there and was taken out. */
  missing(path: Path, key: string, hint: string): void;
  /** True when what stood there, or something directly below it, was taken out: then its absence proves nothing. */
  isBroken(path: Path): boolean;
}

/** Deletes what stands at `paths`; list items become holes, so that the others keep their index. */
export function dropValues(value: unknown, paths: readonly Path[]): void {
  for (const path of paths) {
    let parent = value;
    for (const step of path.slice(0, -1)) parent = isObject(parent) ? parent[step] : undefined;
    const last = path.at(-1);
    if (!isObject(parent) || last === undefined) continue;
    if (Array.isArray(parent)) parent[Number(last)] = undefined;
    else Reflect.deleteProperty(parent, last);
  }
}

function isObject(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

export function collectNames(items: readonly (string | undefined)[]): KnownNames {
  const names = items.filter((item) => item !== undefined);
  return { names, isWhole: names.length === items.length };
}
