import type { FactSource } from "../resource.js";
import { PLATFORM_SCRIPT, parseKeyValues, readPlatform } from "../platform.js";
import type { Platform } from "../platform.js";

export interface MachineFacts extends Platform {
  build: string;
  model: string;
  cores: number;
  memoryGiB: number;
  /** Version of the Command Line Tools; undefined: there are none. */
  commandLineTools: string | undefined;
  fullDiskAccess: "yes" | "no" | "unknown";
  computerName: string;
}

/**
 * Full Disk Access of this SSH session is told without writing: only with it may even root read TCC's database
 * (macOS 10.14 and newer). The shims in /usr/bin open a dialog, so the tools are asked for by their receipt.
 */
const SCRIPT = `
${PLATFORM_SCRIPT}
build=$(sw_vers -buildVersion)
model=$(sysctl -n hw.model)
cores=$(sysctl -n hw.ncpu)
memory=$(sysctl -n hw.memsize)
printf 'build=%s\\nmodel=%s\\ncores=%s\\nmemory=%s\\n' "$build" "$model" "$cores" "$memory"
printf 'computerName=%s\\n' "$(scutil --get ComputerName 2>/dev/null)"
if [ -x /Library/Developer/CommandLineTools/usr/bin/git ]; then
  printf 'clt=%s\\n' "$(pkgutil --pkg-info=com.apple.pkg.CLTools_Executables 2>/dev/null | awk '$1 == "version:" { print $2 }')"
fi
tcc='/Library/Application Support/com.apple.TCC/TCC.db'
if head -c 1 "$tcc" >/dev/null 2>&1; then echo fda=yes
elif [ -e "$tcc" ]; then echo fda=no
else echo fda=unknown
fi
`;

export const machineFacts: FactSource<MachineFacts> = { name: "machine", script: SCRIPT, parse: parseMachine };

function parseMachine(text: string): MachineFacts {
  const values = parseKeyValues(text);
  const fda = values.get("fda");
  const tools = values.get("clt");
  return {
    ...readPlatform(values),
    build: values.get("build") ?? "",
    model: values.get("model") ?? "",
    cores: Number(values.get("cores")),
    memoryGiB: Math.round(Number(values.get("memory")) / 2 ** 30),
    commandLineTools: tools === undefined ? undefined : tools || "of unknown version",
    fullDiskAccess: fda === "yes" || fda === "no" ? fda : "unknown",
    computerName: values.get("computerName") ?? "",
  };
}
