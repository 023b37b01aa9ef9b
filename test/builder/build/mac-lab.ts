import {
  buildSpec,
  locateStore,
  type BuildRequest,
  type BuildResult,
  type Builder,
  type StoreConfig,
} from "../../../builder/build/build.js";
import { Host } from "../../../host/host.js";
import { openTransport } from "../../../host/open.js";
import { bootMac, type BootOptions, type SimMac } from "../../mac/fixture.js";
import { spec } from "./lab.js";

/** A simulated Mac with one builder, reached over SSH as in production. */
export class MacLab {
  private readonly hosts: Host[] = [];
  lines: string[] = [];
  output = "";

  private constructor(
    readonly mac: SimMac,
    readonly builder: Builder,
    readonly store: StoreConfig,
  ) {}

  static async boot(options: BootOptions = {}): Promise<MacLab> {
    const mac = await bootMac(options);
    const prefix = mac.profile === "arm-15" ? "/opt/homebrew" : "/usr/local";
    const builder: Builder = { name: "mac705", uid: 705, gid: 20, home: "/Users/mac705", prefix };
    await mac.run(`set -e
dscl . -create /Users/mac705
dscl . -create /Users/mac705 UniqueID 705
dscl . -create /Users/mac705 PrimaryGroupID 20
dscl . -create /Users/mac705 UserShell /bin/bash
dscl . -create /Users/mac705 NFSHomeDirectory /Users/mac705
mkdir -p /Users/mac705; chown 705:20 /Users/mac705; chmod 0700 /Users/mac705`);
    return new MacLab(mac, builder, {
      engine: "rsync",
      mode: "copy",
      root: locateStore("/var/db/macfoundry/store", "mac705"),
    });
  }

  host(): Host {
    const { mac } = this;
    const config = {
      name: mac.name,
      address: mac.address,
      port: mac.port,
      user: mac.user,
      identity: mac.identityFile,
      hostKey: mac.hostKey,
    };
    const host = new Host(config, openTransport(config));
    this.hosts.push(host);
    return host;
  }

  async build(text: string, more: Partial<BuildRequest> = {}, signal?: AbortSignal): Promise<BuildResult> {
    this.lines = [];
    this.output = "";
    return buildSpec(
      {
        host: this.hosts[0] ?? this.host(),
        builder: this.builder,
        store: this.store,
        spec: spec(text),
        resolveBase: () => undefined,
        ...more,
      },
      {
        onHeading: (line) => this.lines.push(line),
        onNote: (line) => this.lines.push(line),
        onOutput: (chunk) => (this.output += chunk.toString()),
      },
      signal,
    );
  }

  async close(): Promise<void> {
    for (const host of this.hosts) await host.close();
    await this.mac.stop();
  }
}
