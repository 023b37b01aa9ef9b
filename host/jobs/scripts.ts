import { quoteWord, raw, sh } from "../quote.js";
import { renderJobPlist, type JobPlace } from "./plist.js";
import { JOB_FOLLOWER, JOB_KILLER, JOB_WRAPPER } from "./wrapper.js";

/** The lock whose holder alone may start jobs of a builder; `token` is the first line of the file at `path`. */
export interface JobLock {
  path: string;
  token: string;
}

export interface StartRequest {
  place: JobPlace;
  script: string;
  user?: string | undefined;
  lock?: JobLock | undefined;
  /** Finished jobs whose end is known: they are removed on the way. */
  collect: readonly JobPlace[];
}

/** A function for shell text: does the job in the folder run? By its lock, never by a process id. */
export const JOB_ALIVE = `job_is_alive() { /usr/bin/perl -MFcntl=:flock -e 'open F, "+<", shift or exit 1; exit(flock(F, LOCK_SH | LOCK_NB) ? 1 : 0)' "$1/alive" 2>/dev/null; }`;

export const EXIT_LOCK_LOST = 98;

/**
 * Attaches to the job or starts it; prints `started`, `running` or `finished`. What a reboot left neither running nor
 * finished is removed (`lost` is printed first) and started again.
 */
export function renderStartScript(request: StartRequest): string {
  const { place } = request;
  const user = request.user;
  return sh`
dir=${place.dir}
label=${place.label}
jobs=\${dir%/*}
umask 077
mkdir -p "$jobs"
${raw(request.lock === undefined ? "" : renderLockCheck(request.lock))}
${raw(JOB_ALIVE)}
${raw(request.collect.map(renderCollect).join("\n"))}
if [ -e "$dir/rc" ]; then echo finished; exit 0; fi
if job_is_alive "$dir"; then echo running; exit 0; fi
if [ -d "$dir" ]; then
  [ ! -e "$dir/pid" ] || echo lost
  if [ -x /bin/launchctl ]; then /bin/launchctl bootout "system/$label" 2>/dev/null || :; fi
  rm -rf "$dir"
fi
mkdir "$dir"
if [ -e "$dir.input" ]; then mv "$dir.input" "$dir/input"; fi
if [ -d "$dir.secrets" ]; then mv "$dir.secrets" "$dir/secrets"; fi
printf %s ${JOB_WRAPPER} >"$dir/wrapper"
printf %s ${request.script} >"$dir/script"
if [ -x /bin/launchctl ]; then
  printf %s ${renderJobPlist(place, user)} >"$dir/job.plist"
  chmod 0644 "$dir/job.plist"
  /bin/launchctl bootout "system/$label" 2>/dev/null || :
  n=0
  until /bin/launchctl bootstrap system "$dir/job.plist" 2>"$dir/launchd"; do
    # 37 and 5 while launchd still forgets the job before this one (launchctl(1)); it does so within moments.
    n=$((n + 1))
    if [ $n -ge 40 ]; then cat "$dir/launchd" >&2; rm -rf "$dir"; exit 1; fi
    sleep 0.25
  done
else
  # Where there is no launchd (the Mac one simulates by a plain Linux): a session of its own does the same.
  ( trap '' HUP; exec /usr/bin/perl -MPOSIX -e 'POSIX::setsid(); exec @ARGV' /usr/bin/perl "$dir/wrapper" "$dir" ${user ?? ""} ) </dev/null >/dev/null 2>"$dir/launchd" 9>&- &
fi
n=0
# Its process id tells that it began; it may have ended since, well or not.
until [ -e "$dir/pid" ]; do
  n=$((n + 1))
  if [ $n -ge 200 ]; then echo "the job did not start: $(cat "$dir/launchd")" >&2; exit 1; fi
  sleep 0.05
done
echo started
`;
}

/** Removes a job that has ended: its launchd entry and its folder. A running one is left alone. */
export function renderCollect(place: JobPlace): string {
  return sh`if [ -e ${place.dir}/rc ] || ! job_is_alive ${place.dir}; then
  if [ -x /bin/launchctl ]; then /bin/launchctl bootout ${`system/${place.label}`} 2>/dev/null || :; fi
  rm -rf ${place.dir}
fi
`;
}

/** The same for jobs that nobody will start: with what was sent for them. */
export function renderCollectAll(places: readonly JobPlace[]): string {
  const lines = places.map(
    (place) => sh`${raw(renderCollect(place))}rm -rf ${`${place.dir}.input`} ${`${place.dir}.secrets`}
`,
  );
  return `${JOB_ALIVE}
${lines.join("")}`;
}

export function renderFollowScript(
  place: JobPlace,
  offset: number,
  seconds: number,
  lock: JobLock | undefined,
): string {
  const words = [place.dir, String(offset), String(seconds), lock?.path ?? "", lock?.token ?? ""];
  return sh`exec /usr/bin/perl -e ${JOB_FOLLOWER} ${words}`;
}

export function renderCancelScript(place: JobPlace, seconds: number, uid: number | undefined): string {
  const words = [place.dir, place.label, String(seconds), uid === undefined ? "" : String(uid)];
  return sh`/usr/bin/perl -e ${JOB_KILLER} ${words} || exit 3
rm -rf ${place.dir} ${`${place.dir}.input`} ${`${place.dir}.secrets`}
`;
}

/** Command words that keep standard input as the future job's input; whole or not at all. */
export function inputWords(place: JobPlace): string[] {
  const target = quoteWord(`${place.dir}.input`);
  return [
    "/bin/sh",
    "-c",
    `umask 077; mkdir -p ${quoteWord(place.dir.replace(/\/[^/]*$/, ""))} && cat >${target}.new && mv -f ${target}.new ${target}`,
  ];
}

/** Command words that keep standard input as one of the future job's secret files. */
export function secretWords(place: JobPlace, name: string): string[] {
  const folder = quoteWord(`${place.dir}.secrets`);
  return ["/bin/sh", "-c", `umask 077; mkdir -p ${folder} && cat >${folder}/${quoteWord(name)}`];
}

function renderLockCheck(lock: JobLock): string {
  return sh`owner=$(head -n 1 ${lock.path} 2>/dev/null || :)
if [ "$owner" != ${lock.token} ]; then echo "$owner" >&2; exit ${EXIT_LOCK_LOST}; fi`;
}
