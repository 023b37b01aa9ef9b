import type { CopyPlan, Manifest } from "../ids/ids.js";
import { asBytes, type ByteString } from "../spec/bytes.js";

/** One thing a copy puts into the tree, in order. `source` is undefined for directories on the way to the destination. */
export interface CopyEntry {
  /** Relative to the root of the tree; directories without a slash at the end. */
  readonly name: ByteString;
  readonly source: Manifest | undefined;
}

/**
 * The entries of a copy, as OBuilder sends them since v0.7.0: copying into a directory first lists every directory on
 * the way (which resets their mode, owner and time), becoming the destination lists only the item.
 */
export function* listCopyEntries(plan: CopyPlan): Generator<CopyEntry> {
  const dst = normaliseDestination(plan.dst);
  if (plan.kind === "as") {
    yield* walk(plan.item, dst);
    return;
  }
  const parts = dst === "" ? [] : dst.split("/");
  for (const [index] of parts.entries()) {
    yield { name: asBytes(parts.slice(0, index + 1).join("/")), source: undefined };
  }
  for (const item of plan.items) yield* walk(item, joinName(dst, baseName(item.path)));
}

/** Loses a drive, empty and `.` parts and the slashes at both ends; `..` stays (and tar then refuses the stream). */
export function normaliseDestination(dst: ByteString): ByteString {
  const parts = dst.replace(/^[A-Za-z]:/, "").split("/");
  return asBytes(parts.filter((part) => part !== "" && part !== ".").join("/"));
}

function* walk(item: Manifest, name: ByteString): Generator<CopyEntry> {
  yield { name, source: item };
  if (item.kind !== "dir") return;
  for (const entry of item.entries) yield* walk(entry, joinName(name, baseName(entry.path)));
}

/** The root of a source has no name of its own: its contents go straight into the destination. */
function joinName(directory: ByteString, name: ByteString): ByteString {
  if (name === "") return directory;
  return directory === "" ? name : asBytes(`${directory}/${name}`);
}

function baseName(path: ByteString): ByteString {
  return asBytes(path.slice(path.lastIndexOf("/") + 1));
}
