import { homedir } from "node:os";
import type { HostConfig } from "./config.js";

/** Where one connection keeps its socket and the pinned key. */
export interface SshPlace {
  controlPath: string;
  knownHostsFile: string;
}

/**
 * The user's ssh_config may give names, jumps and agents; what decides about trust and prompts is forced here. The
 * pinned key stands under an alias of ours, so that names and ports do not matter to it.
 */
export function sshOptions(host: HostConfig, place: SshPlace): string[] {
  const options: Record<string, string> = {
    HostKeyAlias: hostKeyAlias(host),
    UserKnownHostsFile: place.knownHostsFile,
    GlobalKnownHostsFile: "/dev/null",
    StrictHostKeyChecking: "yes",
    UpdateHostKeys: "no",
    BatchMode: "yes",
    ForwardAgent: "no",
    ForwardX11: "no",
    ClearAllForwardings: "yes",
    PermitLocalCommand: "no",
    RequestTTY: "no",
    ConnectTimeout: "10",
    ServerAliveInterval: "5",
    ServerAliveCountMax: "3",
    ControlPath: place.controlPath,
    ControlPersist: "no",
    LogLevel: "ERROR",
    Port: String(host.port),
    User: host.user,
  };
  const words = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  if (host.identity !== undefined) words.push("-o", "IdentitiesOnly=yes", "-i", expandHome(host.identity));
  if (host.jump !== undefined) words.push("-J", host.jump);
  return words;
}

export function hostKeyAlias(host: HostConfig): string {
  return `macfoundry-${host.name}`;
}

export function knownHostsLine(host: HostConfig): string {
  return `${hostKeyAlias(host)} ${host.hostKey.trim()}\n`;
}

export function expandHome(path: string): string {
  return path.startsWith("~/") ? `${homedir()}${path.slice(1)}` : path;
}
