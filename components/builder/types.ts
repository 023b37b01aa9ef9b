import type { Props } from "../resource.js";

/** An account that builds: no password, no login, a home of its own. */
export interface BuilderInput extends Props {
  name: string;
  uid: number;
  gid: number;
  fullName: string;
  shell: string;
  home: string;
  hidden: boolean;
  /** Further groups by name, sorted. */
  groups: string[];
  /** Take over an account that macfoundry did not make. */
  adopt: boolean;
}

export interface BuildersInputs extends Props {
  host: string;
  builders: BuilderInput[];
}

/** An account as it is; only `name` is there when there is none. */
export interface BuilderObserved extends Props {
  name: string;
  uid?: number;
  gid?: number;
  fullName?: string;
  shell?: string;
  home?: string;
  hidden?: boolean;
  groups?: string[];
  password?: "none" | "set";
  /** `700 705:20`; "missing" when there is no such folder. */
  homeAccess?: string;
  /** Did macfoundry make it, or adopt it? */
  managed: boolean;
  /** Name of another account that has the wanted uid. */
  uidTakenBy?: string;
}

export interface BuildersObserved extends Props {
  builders: BuilderObserved[];
}

/** One record of the Mac's directory. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  shell: string;
  home: string;
  fullName: string;
  isHidden: boolean;
  hasPassword: boolean;
  homeAccess: string;
}

export interface BuilderFacts {
  accounts: Account[];
  /** Group name to its members. */
  groups: Map<string, string[]>;
  managed: Set<string>;
}

/** Properties that `dscl` sets, in the order in which preview shows them. */
export const ACCOUNT_KEYS = ["uid", "gid", "fullName", "shell", "home", "hidden"] as const;

export const HOME_MODE = "700";

export function wantedHomeAccess({ uid, gid }: Pick<BuilderInput, "uid" | "gid">): string {
  return `${HOME_MODE} ${uid}:${gid}`;
}
