import { listManagedScript } from "../../host/managed.js";
import type { FactSource } from "../resource.js";
import type { Account, BuilderFacts } from "./types.js";

/**
 * Whole lists, one dscl call per key whatever the number of accounts. `dscl . -list` pads names with blanks and leaves
 * out records without the key; -2 and other negative ids occur (macOS 12 to 26).
 */
const LIST_KEYS = ["UniqueID", "PrimaryGroupID", "UserShell", "NFSHomeDirectory", "RealName", "IsHidden", "Password"];

/** Only people's and builders' homes are looked into; service accounts share /var/empty. */
const SCRIPT = `
for key in ${LIST_KEYS.join(" ")}; do
  list=$(dscl . -list /Users "$key")
  printf '%s\\n' "$list" | sed "s/^/user $key /"
done
list=$(dscl . -list /Groups GroupMembership)
printf '%s\\n' "$list" | sed 's/^/group /'
list=$(dscl . -list /Users NFSHomeDirectory)
printf '%s\\n' "$list" | while read -r name home; do
  case $home in /Users/*) printf 'access %s %s\\n' "$name" "$(stat -f '%Lp %u:%g' "$home" 2>/dev/null || echo missing)" ;; esac
done
${listManagedScript("builder", "managed ")}
`;

export const builderFacts: FactSource<BuilderFacts> = { name: "builders", script: SCRIPT, parse: parseBuilders };

function parseBuilders(text: string): BuilderFacts {
  const keys = new Map<string, Map<string, string>>();
  const access = new Map<string, string>();
  const groups = new Map<string, string[]>();
  const managed = new Set<string>();
  for (const line of text.split("\n")) {
    const [, kind = "", rest = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (kind === "user") {
      const [, key = "", name = "", value = ""] = /^(\S+) (\S+)\s+(.*)$/.exec(rest) ?? [];
      const known = keys.get(name) ?? new Map<string, string>();
      keys.set(name, known.set(key, value.trim()));
    } else if (kind === "group") {
      const [name = "", ...members] = rest.trim().split(/\s+/);
      groups.set(name, members);
    } else if (kind === "access") {
      const [, name = "", value = ""] = /^(\S+) (.*)$/.exec(rest) ?? [];
      access.set(name, value);
    } else if (kind === "managed") {
      managed.add(rest.split("=")[0] ?? "");
    }
  }
  const accounts = [...keys]
    .filter(([, values]) => values.has("UniqueID"))
    .map(([name, values]) => toAccount(name, values, access));
  return { accounts, groups, managed };
}

function toAccount(name: string, values: Map<string, string>, access: Map<string, string>): Account {
  return {
    name,
    uid: Number(values.get("UniqueID")),
    gid: Number(values.get("PrimaryGroupID")),
    shell: values.get("UserShell") ?? "",
    home: values.get("NFSHomeDirectory") ?? "",
    fullName: values.get("RealName") ?? "",
    isHidden: ["1", "YES", "true"].includes(values.get("IsHidden") ?? ""),
    // A shadowed password reads as asterisks; a single one, or no key at all, is "none".
    hasPassword: !["*", ""].includes(values.get("Password") ?? ""),
    homeAccess: access.get(name) ?? "missing",
  };
}
