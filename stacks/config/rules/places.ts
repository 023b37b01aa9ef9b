import { DEFAULT_STORE_PATH, defaultHome, PREFIXES } from "../defaults.js";
import type { Path } from "../paths.js";
import type { RawConfig, Report } from "../raw.js";
import { show } from "../shape.js";
import { findPathFault, isWithin } from "./absolute.js";

/** Homes, prefix, store and published images are emptied and filled again: none may lie in another. */
export function checkPlaces(config: RawConfig, report: Report): void {
  const arch = config["fleet:expect"]?.arch;
  const prefixPath = ["config", "fleet:prefix", "path"];
  const storePath = ["config", "fleet:store", "path"];
  const prefix = config["fleet:prefix"]?.path ?? (arch === undefined ? undefined : PREFIXES[arch]);
  const store = config["fleet:store"]?.path ?? DEFAULT_STORE_PATH;
  const homes = (config["fleet:builders"] ?? []).flatMap((builder, i) => {
    const home = builder?.home ?? (builder?.name === undefined ? undefined : defaultHome(builder.name));
    return home === undefined
      ? []
      : [{ home, name: builder?.name ?? "a builder", path: ["config", "fleet:builders", i, "home"] }];
  });

  const isGood = [checkPlace(config["fleet:prefix"]?.path, prefixPath, report), checkPlace(store, storePath, report)];
  if (isGood.includes(false)) return;
  const remedy = `choose a place of its own, such as ${DEFAULT_STORE_PATH}`;
  if (prefix !== undefined && areNested(store, prefix)) {
    report(storePath, `the store ${show(store)} and the prefix ${prefix} lie in each other`, remedy);
  }
  for (const { home, name, path } of homes) {
    if (areNested(store, home)) {
      report(storePath, `the store ${show(store)} and the home of ${name}, ${home}, lie in each other`, remedy);
    }
    if (prefix !== undefined && areNested(home, prefix)) {
      report(path, `the home ${show(home)} and the prefix ${prefix} lie in each other`, "choose a home below /Users");
    }
  }
}

/** Folders that macOS or macfoundry itself owns as a whole. */
const FOREIGN = ["/System", "/bin", "/sbin", "/usr/bin", "/usr/lib", "/usr/libexec", "/usr/sbin", "/usr/share", "/dev"];

function checkPlace(place: string | undefined, path: Path, report: Report): boolean {
  if (place === undefined) return true;
  const foreign = FOREIGN.find((folder) => isWithin(place, folder));
  const fault =
    findPathFault(place) ?? (foreign === undefined ? undefined : `${show(place)} is macOS's own (${foreign})`);
  if (fault !== undefined) report(path, fault, "write the full path of a place on the Mac's Data volume");
  return fault === undefined;
}

function areNested(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}
