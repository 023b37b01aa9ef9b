import { execFileSync } from "node:child_process";
import { chmodSync, lutimesSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBytes, fromText, type ByteString } from "../../builder/spec/bytes.js";
import type { Sexp } from "../../builder/spec/sexp.js";

/** A byte string in the vectors. */
export type Text = string | { base64: string };
export type SexpText = Text | SexpText[];

export interface Step {
  kind: "from" | "run" | "copy";
  id: string;
  parent: string | null;
  preimage: Text;
  tar?: { sha256: string; bytes: number };
}
export interface Context {
  src?: string;
  secrets?: [Text, Text][];
  env?: [Text, Text][];
  user?: { uid: number; gid: number } | { name: string };
  workdir?: string;
  shell?: string[];
}
export interface Build {
  label: string;
  context: Context;
  steps: Step[];
  sequence: [string, "saved" | "cached"][];
  log: ["heading" | "note" | "output", Text][];
  result: { ok: string } | { error: { message: string } };
  ids_in_older_versions?: Record<string, string[]>;
}
export interface SpecVector {
  name: string;
  source: Text;
  canonical: { mach: Text; hum: Text; pp: Text };
  dockerfile: Record<"unix" | "unix_buildkit" | "windows" | "windows_buildkit", Text | { error: unknown }>;
  builds: Build[];
}
export interface Refusal {
  exception: string;
  message: string;
  line?: number;
  col?: number;
  bad?: Text;
}
type FixtureEntry =
  | { type: "file"; mode: string; text?: string; base64?: string }
  | { type: "dir"; mode: string }
  | { type: "fifo"; mode: string }
  | { type: "symlink"; target: string };
export interface Vectors {
  fixtures: Record<string, Record<string, FixtureEntry>>;
  fixture_mtime: number;
  images: Record<string, { env: [Text, Text][]; rootfs: string | null }>;
  image_default: { env: [Text, Text][]; rootfs: string | null };
  default_context: Required<Context>;
  valid: SpecVector[];
  buildfail: SpecVector[];
  invalid: { name: string; source: Text; stage: "read" | "spec"; error: Refusal }[];
  sexp: { text: Text; load: { sexp?: SexpText; error?: Refusal; mach?: Text; hum?: Text } }[];
  printing: { sexp: SexpText; mach: Text; hum: Text }[];
  manifest: { src: string; exclude: string[]; fixture: string; manifest?: Text; error?: Text }[];
  cache_name_escape_zfs_btrfs: [Text, Text][];
  tar_normalize_path: [string, string][];
}

const here = dirname(fileURLToPath(import.meta.url));

export function loadVectors(): Vectors {
  return JSON.parse(readFileSync(join(here, "vectors.json"), "utf8")) as Vectors;
}

export function loadTarStreams(): Record<string, string> {
  return (JSON.parse(readFileSync(join(here, "tar-streams.json"), "utf8")) as { streams: Record<string, string> }).streams;
}

export function bytesOf(text: Text): ByteString {
  return typeof text === "string" ? fromText(text) : fromBytes(Buffer.from(text.base64, "base64"));
}

export function bufferOf(text: Text): Buffer {
  return Buffer.from(bytesOf(text), "latin1");
}

export function sexpOf(value: SexpText): Sexp {
  return Array.isArray(value) ? value.map(sexpOf) : bytesOf(value);
}

/** Makes a fixture's tree; every mtime, links' too, is the one the copy streams were recorded with. */
export function makeFixture(vectors: Vectors, name: string, root: string): void {
  const entries = Object.entries(vectors.fixtures[name] ?? {});
  mkdirSync(root, { recursive: true });
  for (const [path, entry] of entries) {
    const target = join(root, path);
    if (entry.type === "dir") mkdirSync(target);
    else if (entry.type === "symlink") symlinkSync(entry.target, target);
    else if (entry.type === "fifo") execFileSync("mkfifo", [target]);
    else writeFileSync(target, entry.base64 === undefined ? (entry.text ?? "") : Buffer.from(entry.base64, "base64"));
  }
  for (const [path, entry] of entries.reverse()) {
    if (entry.type !== "symlink") chmodSync(join(root, path), parseInt(entry.mode, 8));
    lutimesSync(join(root, path), vectors.fixture_mtime, vectors.fixture_mtime);
  }
  lutimesSync(root, vectors.fixture_mtime, vectors.fixture_mtime);
}
