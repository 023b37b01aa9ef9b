import type { HostConfig, Transport } from "./config.js";
import { LocalTransport } from "./local.js";
import { SshTransport } from "./ssh.js";

export function openTransport(config: HostConfig): Transport {
  return config.local === true ? new LocalTransport(config) : new SshTransport(config);
}
