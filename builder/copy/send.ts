import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CopyPlan } from "../ids/ids.js";
import type { User } from "../spec/ast.js";
import { streamCopy } from "./tar.js";
import type { ReadableTree } from "./tree.js";

/**
 * Writes a copy's tar stream to a pipe and ends it. Waits for the reader, so that memory stays at a few chunks however
 * big the files are.
 * @param signal stops in the middle; the pipe is destroyed, so the reader sees that the stream is not whole
 * @returns bytes written
 * @throws MacfoundryError SOURCE_INVALID when a file changed since it was described; AbortError; the pipe's own errors
 */
export async function sendCopy(
  tree: ReadableTree,
  plan: CopyPlan,
  user: User,
  output: Writable,
  signal?: AbortSignal,
): Promise<number> {
  let sent = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of batch(streamCopy(tree, plan, user))) {
      sent += chunk.length;
      yield chunk;
    }
  }
  const input = Readable.from(counted(), { objectMode: true, highWaterMark: 2 });
  await (signal === undefined ? pipeline(input, output) : pipeline(input, output, { signal }));
  return sent;
}

const BATCH_BYTES = 64 * 1024;

/** Puts headers and small files together: one write for each of them is what a tree of small files would wait for. */
async function* batch(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    held.push(chunk);
    size += chunk.length;
    if (size < BATCH_BYTES) continue;
    yield held.length === 1 ? chunk : Buffer.concat(held, size);
    held = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(held, size);
}
