import { randomBytes } from "node:crypto";
import { MacfoundryError } from "../errors.js";
import type { Host } from "../host.js";
import { frameScripts, parseFrames } from "./frame.js";
import type { FactScript, FactSection } from "./frame.js";

const COLLECT_TIMEOUT_MS = 60_000;

/**
 * Everything that is known of a Mac at one moment. All that ask at once share one collection, and so do all that ask
 * later, until something was changed.
 */
export class FactSnapshots {
  private latest: { generation: number; sections: Promise<Map<string, FactSection>> } | undefined;

  constructor(private readonly parts: readonly FactScript[]) {}

  /** The output of the part `name`. Raises what the transport raises, and COMMAND_FAILED when the part itself failed. */
  async get(host: Host, name: string, signal?: AbortSignal): Promise<string> {
    const section = (await this.collect(host, signal)).get(name);
    if (section === undefined || section.code !== 0) {
      throw new MacfoundryError({
        code: "COMMAND_FAILED",
        host: host.name,
        resource: `facts about ${name}`,
        cause: section === undefined ? "no answer" : `exit status ${section.code}: ${section.text.trim().slice(-500)}`,
        remedy: "run it again; if it stays, look at the Mac with `ssh` and report what it prints",
      });
    }
    return section.text;
  }

  private collect(host: Host, signal?: AbortSignal): Promise<Map<string, FactSection>> {
    if (this.latest !== undefined && this.latest.generation === host.generation) return this.latest.sections;
    const nonce = `@${randomBytes(12).toString("hex")}`;
    const sections = host
      .read(frameScripts(this.parts, nonce), { timeoutMs: COLLECT_TIMEOUT_MS, signal })
      .then((output) => parseFrames(output, nonce));
    this.latest = { generation: host.generation, sections };
    // A failure is shared by those who wait for it, but the next one to ask tries again.
    sections.catch(() => {
      if (this.latest?.sections === sections) this.latest = undefined;
    });
    return sections;
  }
}
