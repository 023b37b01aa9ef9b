import { isDeepStrictEqual } from "node:util";
import type { ErrorCode } from "../../host/errors.js";
import type { Change } from "../resource.js";
import { ACCOUNT_KEYS, wantedHomeAccess } from "./types.js";
import type { BuilderInput, BuilderObserved, BuildersInputs, BuildersObserved } from "./types.js";

/** All differences, by property; what macfoundry refuses to touch carries the reason and the next step. */
export function planBuilders(observed: BuildersObserved | undefined, inputs: BuildersInputs): Change[] {
  const live = new Map((observed?.builders ?? []).map((builder) => [builder.name, builder]));
  const wanted = inputs.builders.flatMap((builder, i) =>
    planBuilder(`builders[${i}]`, live.get(builder.name), builder),
  );
  const names = new Set(inputs.builders.map(({ name }) => name));
  const extra = (observed?.builders ?? []).flatMap((builder, i): Change[] =>
    names.has(builder.name) || builder.uid === undefined
      ? []
      : [{ path: `builders[${i}]`, live: builder.name, desired: undefined }],
  );
  return [...wanted, ...extra];
}

/** The differences of one account, their paths below `path`. */
export function planBuilder(path: string, live: BuilderObserved | undefined, wanted: BuilderInput): Change[] {
  const refusal = findRefusal(live, wanted);
  const refuse = refusal === undefined ? {} : { human: refusal.remedy, code: refusal.code };
  if (refusal !== undefined && refusal.path !== undefined) {
    return [{ path: `${path}.${refusal.path}`, live: refusal.live, desired: refusal.desired, ...refuse }];
  }
  const changes: Change[] = ACCOUNT_KEYS.filter((key) => live?.[key] !== wanted[key]).map((key) => ({
    path: `${path}.${key}`,
    live: live?.[key],
    desired: wanted[key],
  }));
  const groups = [...wanted.groups].sort();
  if (!isDeepStrictEqual(live?.groups ?? [], groups))
    changes.push({ path: `${path}.groups`, live: live?.groups, desired: groups });
  if (live?.password === "set") changes.push({ path: `${path}.password`, live: "set", desired: "none" });
  const access = wantedHomeAccess(wanted);
  if (live?.homeAccess !== access)
    changes.push({ path: `${path}.homeAccess`, live: live?.homeAccess, desired: access });
  if (live !== undefined && !live.managed) changes.push({ path: `${path}.managed`, live: false, desired: true });
  return changes;
}

interface Refusal {
  code: ErrorCode;
  path: string;
  live: unknown;
  desired: unknown;
  remedy: string;
}

function findRefusal(live: BuilderObserved | undefined, wanted: BuilderInput): Refusal | undefined {
  if (live?.uidTakenBy !== undefined) {
    return {
      code: "TAKEN",
      path: "uid",
      live: `${live.uidTakenBy}'s`,
      desired: wanted.uid,
      remedy: `uid ${wanted.uid} belongs to ${live.uidTakenBy} on this Mac: choose another uid for ${wanted.name}, for all Macs of the pool`,
    };
  }
  if (live?.uid === undefined) return undefined;
  if (live.uid !== wanted.uid) {
    return {
      code: "TAKEN",
      path: "uid",
      live: live.uid,
      desired: wanted.uid,
      remedy: `${wanted.name} exists with uid ${live.uid}, and its files would be lost to it: choose another name, or remove the account at the Mac`,
    };
  }
  // No home at all: an account that was being made when the Mac or the connection went away; it is ours to finish.
  if (live.home !== undefined && live.home !== wanted.home) {
    return {
      code: "TAKEN",
      path: "home",
      live: live.home,
      desired: wanted.home,
      remedy: `an account's home is never moved (what is installed in it holds its path): set home: ${String(live.home)}, or remove the account at the Mac`,
    };
  }
  if (!live.managed && !wanted.adopt) {
    return {
      code: "NOT_OWNED",
      path: "adopt",
      live: "not made by macfoundry",
      desired: "adopt: true",
      remedy: `say \`adopt: true\` for ${wanted.name} if macfoundry shall manage this account from now on`,
    };
  }
  return undefined;
}
