import { defaultHome } from "../defaults.js";
import type { Path } from "../paths.js";
import type { RawBuilder, RawConfig, Report } from "../raw.js";
import { show } from "../shape.js";
import { findPathFault, isWithin } from "./absolute.js";

/** 501 is the first account that a person makes on a Mac; below are Apple's. */
const LAST_FOREIGN_UID = 501;
/** -2 is `nobody`, and -1 means "no user" to chown and to the kernel. */
const FIRST_RESERVED_UID = 2 ** 32 - 2;
/** Short names of accounts that each Mac has. Apple's service accounts begin with an underscore. */
const TAKEN_NAMES = new Set(["root", "daemon", "nobody", "guest", "shared"]);

export function checkBuilders(config: RawConfig, report: Report): void {
  const builders = config["fleet:builders"] ?? [];
  const uids = new Map<number, number>();
  const names = new Map<string, number>();
  const homes = new Map<string, number>();
  builders.forEach((builder, i) => {
    if (builder === undefined) return;
    const path = ["config", "fleet:builders", i];
    checkName(builder, path, report);
    checkUid(builder, path, report);
    const home = builder.home ?? (builder.name === undefined ? undefined : defaultHome(builder.name));
    reportTwin(names, builder.name?.toLowerCase(), i, [...path, "name"], builder.name, report);
    reportTwin(uids, builder.uid, i, [...path, "uid"], builder.uid, report);
    if (builder.home !== undefined) checkPath(builder.home, [...path, "home"], report);
    // A name that is there twice has been reported; so is its home then.
    if (builder.home !== undefined) reportTwin(homes, home?.toLowerCase(), i, [...path, "home"], home, report);
    else if (home !== undefined && !homes.has(home.toLowerCase())) homes.set(home.toLowerCase(), i);
    if (builder.shell !== undefined) checkPath(builder.shell, [...path, "shell"], report);
    (builder.groups ?? []).forEach((group, j) => {
      if (group === undefined || /^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/.test(group)) return;
      report([...path, "groups", j], `${show(group)} cannot name a group`, "use the group's short name, such as admin");
    });
  });
  checkNesting(builders, report);
}

function checkName(builder: RawBuilder, path: Path, report: Report): void {
  const name = builder.name;
  if (name === undefined) return;
  const remedy = "begin with a small letter and use small letters, digits, _, - and . (at most 63), such as mac705";
  if (!/^[a-z_][a-z0-9_.-]{0,62}$/.test(name)) {
    report([...path, "name"], `${show(name)} cannot name an account on a Mac`, remedy);
  } else if (TAKEN_NAMES.has(name) || name.startsWith("_")) {
    report([...path, "name"], `${show(name)} belongs to macOS`, remedy);
  }
}

function checkUid(builder: RawBuilder, path: Path, report: Report): void {
  const uid = builder.uid;
  if (uid === undefined) return;
  if (uid <= LAST_FOREIGN_UID) {
    const reason = `uid ${uid} is for macOS and the people at the Mac (up to ${LAST_FOREIGN_UID})`;
    report([...path, "uid"], reason, "choose one above 501 that is free on every Mac, such as 705");
  } else if (uid >= FIRST_RESERVED_UID) {
    report([...path, "uid"], `uid ${uid} is no user's`, "choose one above 501 that is free on every Mac, such as 705");
  }
}

function checkPath(text: string, path: Path, report: Report): void {
  const fault = findPathFault(text);
  if (fault !== undefined) report(path, fault, "write the full path on the Mac");
}

function reportTwin<K>(
  seen: Map<K, number>,
  key: K | undefined,
  index: number,
  path: Path,
  value: unknown,
  report: Report,
): void {
  if (key === undefined) return;
  const first = seen.get(key);
  if (first === undefined) seen.set(key, index);
  else
    report(
      path,
      `${show(value)} is also that of fleet:builders[${first}]`,
      `give each builder its own ${String(path.at(-1))}`,
    );
}

function checkNesting(builders: readonly (RawBuilder | undefined)[], report: Report): void {
  builders.forEach((builder, i) => {
    if (builder?.home === undefined) return;
    const around = builders.find((other) => {
      const home = other?.home ?? (other?.name === undefined ? undefined : defaultHome(other.name));
      return other !== builder && home !== undefined && home !== builder.home && isWithin(builder.home ?? "", home);
    });
    if (around === undefined) return;
    const path = ["config", "fleet:builders", i, "home"];
    report(path, `${show(builder.home)} lies in the home of ${String(around.name)}`, "give it a place of its own");
  });
}
