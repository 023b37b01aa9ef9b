import { createHash } from "node:crypto";
import type { User } from "../spec/ast.js";
import { asBytes, toBytes, type ByteString } from "../spec/bytes.js";
import { userToSexp } from "../spec/canonical.js";
import { printMach } from "../spec/print.js";
import type { Sexp } from "../spec/sexp.js";

/** Lower-case hex SHA-256 of a step's preimage: its name in the store. */
export type StepId = string;

/** A step's id and the exact bytes it is the hash of. The preimage of a run holds the values of its secrets. */
export interface Identity {
  readonly id: StepId;
  readonly preimage: ByteString;
}

export type EnvPair = readonly [name: ByteString, value: ByteString];

export interface RunInput {
  readonly base: StepId;
  readonly workdir: ByteString;
  readonly user: User;
  /** The whole environment in its order: newest first, then what the build began with, then the base's. */
  readonly env: readonly EnvPair[];
  readonly command: ByteString;
  readonly shell: readonly ByteString[];
  readonly network: readonly ByteString[];
  /** In the order of the spec; the hash takes them in reverse, as the original does. */
  readonly secrets: readonly { readonly value: ByteString; readonly target: ByteString }[];
}

/** What a copy source holds. Paths are relative to the source's root; modes, owners and times are no part of it. */
export type Manifest =
  | { readonly kind: "file"; readonly path: ByteString; readonly sha256: string }
  | { readonly kind: "symlink"; readonly path: ByteString; readonly target: ByteString }
  | { readonly kind: "dir"; readonly path: ByteString; readonly entries: readonly Manifest[] };

/** `into`: the destination ends in a slash and the items go into it; else the one item becomes the destination. */
export type CopyPlan =
  | { readonly kind: "into"; readonly items: readonly Manifest[]; readonly dst: ByteString }
  | { readonly kind: "as"; readonly item: Manifest; readonly dst: ByteString };

export interface CopyInput {
  readonly base: StepId;
  readonly user: User;
  readonly plan: CopyPlan;
}

const word = asBytes;

/** The id of a base is the hash of its bare name, not of an S-expression. */
export function identifyFrom(name: ByteString): Identity {
  return identify(name);
}

/** Caches, the source directory and comments are no part of a run's id. */
export function identifyRun(input: RunInput): Identity {
  const secrets = input.secrets.map(({ value, target }) => [
    [word("value"), value],
    [word("target"), target],
  ]);
  return identify(
    printMach([
      [word("base"), word(input.base)],
      [word("workdir"), input.workdir],
      [word("user"), userToSexp(input.user)],
      [word("env"), input.env],
      [word("cmd"), input.command],
      [word("shell"), input.shell],
      [word("network"), input.network],
      [word("mount_secrets"), secrets.reverse()],
    ]),
  );
}

export function identifyCopy(input: CopyInput): Identity {
  const { plan } = input;
  const op: Sexp =
    plan.kind === "into"
      ? [word("Copy_items"), [plan.items.map(manifestToSexp), plan.dst]]
      : [word("Copy_item"), [manifestToSexp(plan.item), plan.dst]];
  return identify(
    printMach([
      [word("base"), word(input.base)],
      [word("user"), userToSexp(input.user)],
      [word("op"), op],
    ]),
  );
}

/** Trees on disk are at most some thousand levels deep (paths end at 4096 bytes), so recursion is bounded. */
export function manifestToSexp(item: Manifest): Sexp {
  switch (item.kind) {
    case "file":
      return [word("File"), [item.path, word(item.sha256)]];
    case "symlink":
      return [word("Symlink"), [item.path, item.target]];
    case "dir":
      return [word("Dir"), [item.path, item.entries.map(manifestToSexp)]];
  }
}

function identify(preimage: ByteString): Identity {
  return { id: createHash("sha256").update(toBytes(preimage)).digest("hex"), preimage };
}
