import { createHash } from "node:crypto";
import { MacfoundryError } from "../../host/errors.js";

/** A pinned input with its encrypted texts in plain; the same shape as a stack's `fleet:sources`. */
export type PinnedSource = PinnedArchive | PinnedGit;

export interface PinnedArchive {
  readonly kind: "archive";
  readonly name: string;
  /** Absolute, on this machine. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface PinnedGit {
  readonly kind: "git";
  readonly name: string;
  /** Absolute folder on this machine, or an address that `git fetch` takes. */
  readonly git: string;
  readonly commit: string;
  readonly ref?: string | undefined;
}

/** Raise it when the bytes of a context change for the same pins. */
const CONTEXT_FORMAT = 1;

/** File of the source in a context: archives keep their name, a git commit becomes a pack. */
export function contextFileName(source: PinnedSource): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(source.name)) throw new RangeError(`${source.name} cannot name a source`);
  return source.kind === "git" ? `${source.name}.pack` : source.name;
}

/**
 * Identity of the context that `prepareContext` makes of these sources: a function of the pins, so that it is known
 * without fetching anything. Where the sources lie does not count. Lower-case hex.
 */
export function contextDigest(sources: readonly PinnedSource[]): string {
  const pins = sources.map((source) => {
    return `${contextFileName(source)} ${source.kind === "git" ? `commit ${source.commit}` : `sha256 ${source.sha256}`}`;
  });
  return createHash("sha256")
    .update([`macfoundry context ${CONTEXT_FORMAT}`, ...pins.sort()].join("\n"))
    .digest("hex");
}

export function sourceError(name: string, cause: string, remedy: string): MacfoundryError {
  return new MacfoundryError({ code: "SOURCE_INVALID", resource: `source ${name}`, cause, remedy });
}
