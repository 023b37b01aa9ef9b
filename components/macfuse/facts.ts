import { PLATFORM_SCRIPT, parseKeyValues, readPlatform } from "../platform.js";
import type { Platform } from "../platform.js";
import type { FactSource } from "../resource.js";

export interface MacFuseFacts extends Platform {
  /** Of the installer's receipt; undefined: not installed. */
  version: string | undefined;
  isLoaded: boolean;
  /** A person's answer to "system software from Benjamin Fleischer"; only a hint on Apple silicon. */
  consent: "given" | "missing" | "unknown";
}

/**
 * macFUSE 5 appends the Darwin major to the kext's id, so kmutil's list is searched by prefix. kmutil always says
 * "No variant specified" on stderr and exits with 0 also when nothing matches. Team 3T5GSNBU6W is macFUSE's.
 */
const SCRIPT = `
${PLATFORM_SCRIPT}
printf 'version=%s\\n' "$(pkgutil --pkg-info io.macfuse.installer.components.core 2>/dev/null | awk '$1 == "version:" { print $2 }')"
if kmutil showloaded --list-only 2>/dev/null | grep -q 'io\\.macfuse\\.filesystems\\.macfuse'; then echo loaded=yes; else echo loaded=no; fi
policy=/var/db/SystemPolicyConfiguration/KextPolicy
printf 'consent=%s\\n' "$(sqlite3 -readonly "$policy" "SELECT allowed FROM kext_policy WHERE team_id='3T5GSNBU6W' LIMIT 1;" 2>/dev/null || echo '?')"
`;

export const macFuseFacts: FactSource<MacFuseFacts> = { name: "macfuse", script: SCRIPT, parse: parseMacFuse };

function parseMacFuse(text: string): MacFuseFacts {
  const values = parseKeyValues(text);
  const consent = values.get("consent");
  return {
    ...readPlatform(values),
    version: values.get("version") || undefined,
    isLoaded: values.get("loaded") === "yes",
    consent: consent === "1" ? "given" : consent === "0" || consent === "" ? "missing" : "unknown",
  };
}
