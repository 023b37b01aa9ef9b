import { randomUUID } from "node:crypto";
import {
  buildSpec,
  locateStore,
  type BuildRequest,
  type BuildResult,
  type Builder,
  type StoreConfig,
} from "../../../builder/build/build.js";
import { parseSpec, type Spec } from "../../../builder/spec/index.js";
import type { Host } from "../../../host/host.js";
import { ScratchRoot } from "../../host/scratch-root.js";
import type { LocalTransport } from "../../host/local-transport.js";

export function spec(text: string): Spec {
  const result = parseSpec(Buffer.from(text));
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.spec;
}

/** A machine with one builder and a store, and what a build of it said. */
export class Lab {
  readonly builder: Builder;
  readonly store: StoreConfig;
  lines: string[] = [];
  output = "";

  private constructor(
    readonly root: ScratchRoot,
    options: { prefix?: string | undefined; store?: Partial<StoreConfig> },
  ) {
    this.builder = { name: "mac705", uid: 705, gid: 705, home: "/Users/mac705", prefix: options.prefix };
    this.store = {
      engine: "rsync",
      mode: "copy",
      root: locateStore("/var/db/macfoundry/store", "mac705"),
      ...options.store,
    };
  }

  static async open(
    options: {
      prefix?: string | undefined;
      store?: Partial<StoreConfig>;
      sizeMb?: number;
      volume?: "tmpfs" | "xfs";
    } = {},
  ): Promise<Lab> {
    const root = await ScratchRoot.open(options.sizeMb, options.volume);
    root.addUser("mac705", 705, "/Users/mac705");
    return new Lab(root, { prefix: "/opt/homebrew", ...options });
  }

  async build(text: string, more: Partial<BuildRequest> = {}, signal?: AbortSignal): Promise<BuildResult> {
    const host = more.host ?? this.host().host;
    this.lines = [];
    this.output = "";
    return buildSpec(
      { host, builder: this.builder, store: this.store, spec: spec(text), resolveBase: () => undefined, ...more },
      {
        onHeading: (line) => this.lines.push(line),
        onNote: (line) => this.lines.push(line),
        onOutput: (chunk) => (this.output += chunk.toString()),
      },
      signal,
    );
  }

  host(): { host: Host; transport: LocalTransport } {
    return this.root.host();
  }

  sh(script: string): string {
    return this.root.sh(script);
  }

  perl(program: string, words: readonly string[]): string {
    return this.root.run(["/usr/bin/perl", "-e", program, ...words]);
  }

  /** Every path below with type, mode, owner, size, content or link target; times apart. */
  listing(path: string): string {
    return this.sh(
      `cd ${path} && find . -printf '%P %y %m %u %s %l ' \\( -type f -exec sha256sum {} \\; -o -printf '\\n' \\) | sort`,
    );
  }

  async close(): Promise<void> {
    await this.root.close();
  }
}

export function newSecret(): string {
  return `planted-${randomUUID()}`;
}
