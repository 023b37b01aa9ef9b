import type { HostConfig } from "./config.js";
import { MacfoundryError } from "./errors.js";

type Fields = Record<string, unknown>;

/**
 * `macfoundry:hosts` as the engine hands it on: JSON text, name to entry. The stack file was checked before, with
 * positions; this is the last check of what the provider itself relies on. Raises CONFIG_INVALID with all problems.
 */
export function parseHosts(json: string): Map<string, HostConfig> {
  const problems: string[] = [];
  const hosts = new Map<string, HostConfig>();
  for (const [name, entry] of Object.entries(parseObject(json))) {
    if (typeof entry !== "object" || entry === null) problems.push(`${name}: must be a mapping`);
    else hosts.set(name, parseHost(name, entry as Fields, problems));
  }
  if (problems.length === 0) return hosts;
  throw new MacfoundryError({
    code: "CONFIG_INVALID",
    resource: "macfoundry:hosts",
    cause: problems.join("; "),
    remedy: "correct these entries of the stack's file (docs/config.md)",
  });
}

function parseHost(name: string, fields: Fields, problems: string[]): HostConfig {
  const text = (key: string): string | undefined => {
    const value = fields[key];
    if (value === undefined || typeof value === "string") return value;
    problems.push(`${name}.${key}: must be text`);
    return undefined;
  };
  const required = (key: string, fallback: string | undefined): string => {
    const value = text(key) ?? fallback;
    if (value === undefined) problems.push(`${name}.${key}: is missing`);
    return value ?? "";
  };
  const isLocal = fields["local"] === true;
  const port = Number(fields["port"] ?? 22);
  if (!Number.isInteger(port) || port < 1 || port > 65535) problems.push(`${name}.port: must be 1 to 65535`);
  return {
    name,
    address: required("address", isLocal ? "localhost" : undefined),
    port,
    user: required("user", isLocal ? "root" : undefined),
    identity: text("identity"),
    hostKey: required("hostKey", isLocal ? "" : undefined),
    jump: text("jump"),
    local: isLocal,
    deleteUnreachable: fields["deleteUnreachable"] === true,
  };
}

function parseObject(json: string): Fields {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  } catch {
    // said below, without the text, which may hold encrypted values in clear
  }
  throw new MacfoundryError({
    code: "CONFIG_INVALID",
    resource: "macfoundry:hosts",
    cause: "must be a mapping of names to Macs",
    remedy: "see docs/config.md for its shape",
  });
}
