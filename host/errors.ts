/** What can go wrong, as one closed list; see docs/errors.md for the meaning of each. */
export type ErrorCode =
  | "HOST_UNREACHABLE"
  | "HOST_KEY_CHANGED"
  | "AUTH_DENIED"
  | "SUDO_DENIED"
  | "NEEDS_HUMAN"
  | "UNSUPPORTED_MACOS"
  | "HOST_MISMATCH"
  | "NOT_OWNED"
  | "TAKEN"
  | "SUPERSEDED"
  | "COMMAND_FAILED"
  | "COMMAND_TIMED_OUT"
  | "JOB_LOST"
  | "STEP_FAILED"
  | "STACK_LOCKED"
  | "PULUMI_MISSING"
  | "STORE_BUSY"
  | "STORE_FULL"
  | "STORE_CORRUPT"
  | "BASE_CHANGED"
  | "SPEC_SYNTAX"
  | "SPEC_INVALID"
  | "CONFIG_INVALID"
  | "SOURCE_INVALID"
  | "IMAGE_TEST_FAILED"
  | "DRAIN_TIMED_OUT"
  | "CANCELLED";

export interface ErrorDetails {
  code: ErrorCode;
  /** Name of the Mac, as in the stack's `macfoundry:hosts`. */
  host?: string | undefined;
  /** What was worked on: `builder mac705`, `image ocaml-4.13`, a file name. */
  resource?: string | undefined;
  /** One clause: why it failed. */
  cause: string;
  /** The exact next step for a person. */
  remedy: string;
}

/** The one error class: every failure that a person will read carries its code, place, cause and next step. */
export class MacfoundryError extends Error {
  readonly code: ErrorCode;
  readonly host: string | undefined;
  readonly resource: string | undefined;
  readonly why: string;
  readonly remedy: string;

  constructor(details: ErrorDetails) {
    super(renderError(details));
    this.name = "MacfoundryError";
    this.code = details.code;
    this.host = details.host;
    this.resource = details.resource;
    this.why = details.cause;
    this.remedy = details.remedy;
  }

  /** The same error, told of a place that the thrower did not know. */
  at(place: { host?: string; resource?: string }): MacfoundryError {
    return new MacfoundryError({
      code: this.code,
      host: this.host ?? place.host,
      resource: this.resource ?? place.resource,
      cause: this.why,
      remedy: this.remedy,
    });
  }
}

/** `CODE on HOST: RESOURCE: CAUSE` and, on a line of its own, `Next: REMEDY`. */
export function renderError(details: ErrorDetails): string {
  const place = details.host === undefined ? "" : ` on ${details.host}`;
  const resource = details.resource === undefined ? "" : `${details.resource}: `;
  return `${details.code}${place}: ${resource}${details.cause}\nNext: ${details.remedy}`;
}

export function isMacfoundryError(error: unknown, ...codes: ErrorCode[]): error is MacfoundryError {
  return error instanceof MacfoundryError && (codes.length === 0 || codes.includes(error.code));
}
