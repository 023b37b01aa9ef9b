import { Builders } from "../components/builder/builder.js";
import { MacHost } from "../components/mac-host/mac-host.js";
import { MacFuse } from "../components/macfuse/macfuse.js";
import { SipState } from "../components/sip/sip.js";
import { SystemCompilers } from "../components/system-compiler/system-compiler.js";
import { describeCompilers } from "./describe-compilers.js";
import type { HostEntry, StackConfig } from "./config/types.js";

export interface HostTree {
  name: string;
  /** What the stack shows of this Mac. */
  outputs: Record<string, unknown>;
}

/** Declares one Mac of the pool. */
export async function declareHost(config: StackConfig, entry: HostEntry): Promise<HostTree> {
  const host = entry.name;
  const observe = config.observe === "all" || config.observe.includes(host);
  const on = { host, observe };
  const { arch, macos, sip, macfuse } = config.expect;
  const mac = new MacHost(host, { ...on, arch, macos });
  const below = { parent: mac, dependsOn: [mac.state] };
  new SipState(host, { ...on, sip }, below);
  new MacFuse(host, { ...on, macfuse }, below);
  const builders = new Builders(
    host,
    { ...on, builders: config.builders.map((builder) => ({ ...builder, groups: [...builder.groups] })) },
    below,
  );
  if (config.compilers.length > 0) {
    new SystemCompilers(host, { ...on, ...describeCompilers(config) }, { parent: mac, dependsOn: [builders.state] });
  }
  return { name: host, outputs: {} };
}
