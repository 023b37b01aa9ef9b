import { parse } from "yaml";
import { MacfoundryError } from "../../host/errors.js";
import type { HostConfig } from "../../host/config.js";
import { parseHosts } from "../../host/parse-hosts.js";

/** A stack file as far as commands without Pulumi need it: its Macs and where its stores lie. */
export interface StackHosts {
  /** In the file's order. */
  readonly names: readonly string[];
  /** One Mac. Raises CONFIG_INVALID when it is not there, wrong, or has an encrypted value. */
  find(name: string): HostConfig;
  /** `fleet:store.path`; undefined when the file does not say. */
  readonly storePath: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads `macfoundry:hosts` of a stack file's text. `resolvePath` makes an identity's path absolute. Encrypted values
 * (`secure: …`) can only be read by Pulumi: a Mac that has one is refused when it is asked for, the others work.
 */
export function readStackHosts(text: string, file: string, resolvePath: (path: string) => string): StackHosts {
  const refuse = (resource: string, cause: string, remedy: string): MacfoundryError =>
    new MacfoundryError({ code: "CONFIG_INVALID", resource: `${file}: ${resource}`, cause, remedy });
  const config = readMap(parseStackFile(text, file), "config");
  const entries = readMap(config, "macfoundry:hosts");
  const names = Object.keys(entries);
  const storePath = readMap(config, "fleet:store")["path"];
  return {
    names,
    storePath: typeof storePath === "string" ? storePath : undefined,
    find: (name) => {
      const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
      const place = `macfoundry:hosts.${name}`;
      if (!isMap(entry)) {
        const known = names.length === 0 ? "the file has no Macs" : `it has ${names.join(", ")}`;
        throw refuse(
          place,
          `there is no such Mac; ${known}`,
          "name one of the stack's Macs, or another stack (--stack)",
        );
      }
      const encrypted = Object.keys(entry).find((key) => isMap(entry[key]) && "secure" in entry[key]);
      if (encrypted !== undefined) {
        throw refuse(
          `${place}.${encrypted}`,
          "is encrypted, and only Pulumi can read it",
          "write it in plain (an address, a user and the path of a key are no secrets), or run this on the Mac with --local",
        );
      }
      const { identity } = entry;
      const plain = typeof identity === "string" ? { ...entry, identity: resolvePath(identity) } : entry;
      const host = parseHosts(JSON.stringify({ [name]: plain })).get(name);
      if (host === undefined) throw refuse(place, "cannot be read", "see docs/config.md for its shape");
      return host;
    },
  };
}

/** The file's values, not yet checked. Raises CONFIG_INVALID for what is no YAML. */
export function parseStackFile(text: string, file: string): unknown {
  try {
    return parse(text, { schema: "core" });
  } catch (error) {
    const [reason = ""] = String(error instanceof Error ? error.message : error).split("\n");
    throw new MacfoundryError({
      code: "CONFIG_INVALID",
      resource: file,
      cause: reason,
      remedy: "mend the file: `macfoundry pulumi preview` shows every error in its place",
    });
  }
}

function readMap(value: unknown, key: string): Fields {
  const item = isMap(value) ? value[key] : undefined;
  return isMap(item) ? item : {};
}

function isMap(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
