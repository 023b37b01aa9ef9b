import * as fs from "node:fs";
import * as path from "node:path";
import { DiskTree } from "../../builder/copy/tree.js";
import { VirtualTree } from "../../builder/copy/virtual.js";
import type { EnvPair } from "../../builder/ids/ids.js";
import { fromBytes, fromText, toText, type ByteString } from "../../builder/spec/bytes.js";
import { UsageError } from "./options.js";
import { readInput } from "./source.js";

/** What a base brings: its saved environment and its files. */
export interface Image {
  readonly env: readonly EnvPair[];
  readonly tree: VirtualTree;
}

export type FindImage = (name: ByteString) => Image | undefined;

/** Without a list every name is an image with nothing in it. */
export function anyImage(): Image {
  return { env: [], tree: VirtualTree.empty() };
}

/**
 * Reads `{"NAME": {"env": [["K","V"], …], "rootfs": DIR or null}, "*": {…}}`; `*` is any other name. A relative DIR is
 * looked for here first, then beside the list.
 * @throws UsageError
 */
export function loadImages(file: string): FindImage {
  const images = new Map<string, Image>();
  for (const [name, value] of Object.entries(parseObject(file))) images.set(name, parseImage(file, name, value));
  return (name) => images.get(toText(name)) ?? images.get("*");
}

function parseObject(file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(readInput(file).toString("utf8"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value))
    throw new UsageError(`${file}: an object of images is needed, {"NAME": {"env": […], "rootfs": …}}`);
  return value;
}

function parseImage(file: string, name: string, value: unknown): Image {
  const refuse = (what: string): never => {
    throw new UsageError(`${file}: image ${JSON.stringify(name)}: ${what}`);
  };
  if (!isObject(value)) return refuse("an object with env and rootfs is needed");
  const { env = [], rootfs = null } = value;
  if (!Array.isArray(env)) return refuse("env is a list of pairs");
  const pairs = env.map((pair: unknown): EnvPair => {
    const [key, text] = Array.isArray(pair) && pair.length === 2 ? pair.map(parseText) : [];
    return key === undefined || text === undefined
      ? refuse('env is a list of pairs, [["NAME","VALUE"], …]')
      : [key, text];
  });
  if (rootfs === null) return { env: pairs, tree: VirtualTree.empty() };
  if (typeof rootfs !== "string") return refuse("rootfs is the name of a directory or null");
  const found = [path.resolve(rootfs), path.resolve(path.dirname(file), rootfs)].find(isDirectory);
  if (found === undefined) return refuse(`rootfs ${rootfs} is no directory`);
  return { env: pairs, tree: VirtualTree.of(new DiskTree(found)) };
}

/** Text, or bytes that are not UTF-8 as `{"base64": …}`. */
function parseText(value: unknown): ByteString | undefined {
  if (typeof value === "string") return fromText(value);
  if (isObject(value) && typeof value["base64"] === "string") return fromBytes(Buffer.from(value["base64"], "base64"));
  return undefined;
}

export function isDirectory(name: string): boolean {
  return fs.statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
