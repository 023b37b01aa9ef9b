import { MacfoundryError } from "../host/errors.js";
import { Host } from "../host/host.js";
import { openTransport } from "../host/open.js";
import { parseHosts } from "../host/parse-hosts.js";
import type { HostConfig } from "../host/config.js";

/** The Macs of the stack's current configuration, each opened at its first use. */
export class Hosts {
  private readonly opened = new Map<string, Host>();
  private constructor(private readonly configs: ReadonlyMap<string, HostConfig>) {}

  /**
   * `environment` is the provider's: the engine puts the stack's current `macfoundry:` keys into PULUMI_CONFIG, also in
   * refresh and destroy, where Configure gets what the state remembers. Raises CONFIG_INVALID.
   */
  static fromEnvironment(environment: NodeJS.ProcessEnv): Hosts {
    const config: unknown = JSON.parse(environment["PULUMI_CONFIG"] ?? "{}");
    const text =
      typeof config === "object" && config !== null ? (config as Record<string, unknown>)["hosts"] : undefined;
    return new Hosts(parseHosts(typeof text === "string" ? text : "{}"));
  }

  names(): string[] {
    return [...this.configs.keys()];
  }

  has(name: string): boolean {
    return this.configs.has(name);
  }

  get(name: string): Host {
    const known = this.opened.get(name);
    if (known !== undefined) return known;
    const config = this.configs.get(name);
    if (config === undefined) {
      throw new MacfoundryError({
        code: "CONFIG_INVALID",
        host: name,
        cause: `macfoundry:hosts has no Mac of this name (it has ${this.names().join(", ") || "none"})`,
        remedy: "add it to the stack's configuration, or select the stack that has it",
      });
    }
    const host = new Host(config, openTransport(config));
    this.opened.set(name, host);
    return host;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.opened.values()].map((host) => host.close()));
    this.opened.clear();
  }
}
