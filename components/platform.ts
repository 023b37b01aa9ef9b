/** What decides which procedure holds: printed by several nouns' facts, so that each can be read alone. */
export interface Platform {
  arch: "x86_64" | "arm64";
  /** `14.5` */
  macos: string;
}

/**
 * `hw.optional.arm64` tells the hardware even under Rosetta, where `uname -m` says x86_64; an Intel Mac has no such OID
 * (exit 1), which is its answer.
 */
export const PLATFORM_SCRIPT = `
macos=$(sw_vers -productVersion)
printf 'macos=%s\\n' "$macos"
if [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then echo arch=arm64; else echo arch=x86_64; fi
`;

/** `key=value` lines; the value may have any character but a line's end. */
export function parseKeyValues(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  return values;
}

export function readPlatform(values: ReadonlyMap<string, string>): Platform {
  return { arch: values.get("arch") === "arm64" ? "arm64" : "x86_64", macos: values.get("macos") ?? "" };
}

export function majorOf(macos: string): number {
  return Number.parseInt(macos, 10);
}

/** Is `live` (14.5) the version `wanted` (14, or 14.5) or one below it? */
export function isVersionWithin(live: string, wanted: string): boolean {
  const [have, want] = [live.split("."), wanted.split(".")];
  return want.every((part, i) => have[i] === part);
}
