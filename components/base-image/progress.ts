import type { BuildEvents } from "../../builder/build/build.js";
import type { ApplyContext } from "../resource.js";

const TICK_MS = 1000;

/**
 * One status line in Pulumi's row, replaced as the build goes on: `step 3 of 7 · run make · 12 s`. The last line of the
 * output follows it, so that a slow step is seen to move; the whole output is in the store's log.
 */
export function narrate(context: ApplyContext): BuildEvents {
  let step = "";
  let since = Date.now();
  let shownAt = 0;
  const show = (line: string, isUrgent: boolean) => {
    if (!isUrgent && Date.now() - shownAt < TICK_MS) return;
    shownAt = Date.now();
    const seconds = Math.round((Date.now() - since) / 1000);
    context.progress(`${step} · ${seconds} s${line === "" ? "" : ` · ${line}`}`);
  };
  return {
    onStep: ({ index, total, title, isCached }) => {
      step = `step ${index} of ${total} · ${title}${isCached ? " (cached)" : ""}`;
      since = Date.now();
      show("", true);
    },
    onOutput: (chunk) => show(lastLine(chunk), false),
    onNote: (line) => {
      if (!line.startsWith("--->")) context.log(line);
    },
  };
}

/** Printable text of the last line that has any. */
function lastLine(chunk: Buffer): string {
  const text = chunk
    .subarray(-2000)
    .toString("utf8")
    .replace(/\u001b\[[0-9;]*[A-Za-z]/g, "");
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return (lines[lines.length - 1] ?? "").replace(/[\u0000-\u001f\u007f]/g, " ").slice(0, 120);
}
