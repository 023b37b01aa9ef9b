import { removeManagedScript, writeManagedScript } from "../../host/managed.js";
import { raw, sh } from "../../host/quote.js";
import { HOME_MODE } from "./types.js";
import type { BuilderInput, BuilderObserved } from "./types.js";

/** Exit status by which the scripts say "this SSH session lacks Full Disk Access" (dscl's own, eDSPermissionError). */
export const EXIT_NO_FULL_DISK_ACCESS = 40;

/** dscl answers 140 (eNotYetImplemented) now and then where the next try succeeds. */
const FUNCTIONS = `
set_key() {
  try=0
  while :; do
    rc=0
    dscl . -create "$@" || rc=$?
    [ "$rc" -eq 140 ] && [ "$try" -lt 5 ] || return "$rc"
    try=$((try + 1))
    sleep 0.2
  done
}
`;

/** Makes the account and its home what they shall be; each command may run again. */
export function renderConvergeScript(wanted: BuilderInput, live: BuilderObserved | undefined): string {
  const { name, uid, gid, home } = wanted;
  const record = `/Users/${name}`;
  const keys: [string, string, boolean][] = [
    ["UniqueID", String(uid), live?.uid !== uid],
    ["PrimaryGroupID", String(gid), live?.gid !== gid],
    ["UserShell", wanted.shell, live?.shell !== wanted.shell],
    ["RealName", wanted.fullName, live?.fullName !== wanted.fullName],
    ["NFSHomeDirectory", home, live?.home !== home],
    ["IsHidden", wanted.hidden ? "1" : "0", live?.hidden !== wanted.hidden],
    ["Password", "*", live?.uid === undefined || live.password === "set"],
  ];
  const set = keys.filter(([, , isNeeded]) => isNeeded).map(([key, value]) => sh`set_key ${record} ${key} ${value}\n`);
  const groupsNow = live?.groups ?? [];
  const join = wanted.groups.filter((group) => !groupsNow.includes(group));
  const leave = groupsNow.filter((group) => !wanted.groups.includes(group));
  return [
    FUNCTIONS,
    // The record comes first: an account that was half made is ours to finish.
    writeManagedScript("builder", name, `uid=${uid}`),
    ...(live?.uid === undefined ? [sh`set_key ${record}\n`] : []),
    ...set,
    sh`try=0
until id ${name} >/dev/null 2>&1; do
  [ "$try" -lt 50 ] || { echo "the directory does not show ${raw(name)} after 5 s" >&2; exit 1; }
  try=$((try + 1))
  sleep 0.1
done
`,
    ...join.map((group) => sh`dseditgroup -o edit -a ${name} -t user ${group}\n`),
    ...leave.map((group) => sh`dseditgroup -o edit -d ${name} -t user ${group}\n`),
    sh`if [ -L ${home} ] || { [ -e ${home} ] && [ ! -d ${home} ]; }; then echo ${`${home} is there and no folder`} >&2; exit 1; fi
[ -d ${home} ] || mkdir -m ${HOME_MODE} ${home}
chown ${`${uid}:${gid}`} ${home}
chmod ${HOME_MODE} ${home}
`,
  ].join("");
}

/**
 * Ends the account's processes and removes the account; its home stays, it may hold somebody's work. Groups come first:
 * dseditgroup knows no member without a record, and a name left in a group would belong to the next account of that name.
 */
export function renderRemoveScript(name: string, uid: number): string {
  return [
    sh`launchctl bootout ${`user/${uid}`} >/dev/null 2>&1 || :
try=0
while pkill -9 -U ${uid}; do
  [ "$try" -lt 50 ] || { echo "processes of uid ${raw(String(uid))} do not end" >&2; exit 1; }
  try=$((try + 1))
  sleep 0.1
done
for group in $(dscl . -list /Groups GroupMembership | awk -v name=${name} '{ for (i = 2; i <= NF; i++) if ($i == name) print $1 }'); do
  dseditgroup -o edit -d ${name} -t user "$group" || :
done
rc=0
dscl . -delete ${`/Users/${name}`} || rc=$?
# 185: there is no such record any more
[ "$rc" -eq 0 ] || [ "$rc" -eq 185 ] || exit "$rc"
`,
    removeManagedScript("builder", name),
  ].join("");
}
