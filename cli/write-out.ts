import { writeSync } from "node:fs";

/** To standard output, without a queue of ours: a slow reader slows us down and never fills our memory. */
export function writeOut(chunk: Buffer | string): void {
  let rest = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Whoever reads may stop early: the build goes on.
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
