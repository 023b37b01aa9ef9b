import { raw, sh } from "../../host/quote.js";
import { STATE_DIR } from "../../host/host.js";
import type { JobLock } from "../../host/jobs/jobs.js";

/** A holder that gave no sign of life for so long is gone; the follower of a job touches the file every 3 seconds. */
export const LOCK_STALE_SECONDS = 10;

/** One holder per builder: two stores of one builder would still share its home. */
export function builderLock(uid: number, token: string): JobLock {
  return { path: `${STATE_DIR}/locks/builder-${uid}`, token };
}

/** Prints `busy AGE WHO` while another run holds the lock: a look that does not take the Mac over from it. */
export function renderPeek(lock: JobLock): string {
  return sh`lock=${lock.path}
if [ -e "$lock" ] && [ "$(sed -n 1p "$lock")" != ${lock.token} ]; then
  boot=$(/usr/sbin/sysctl -n kern.bootsessionuuid 2>/dev/null || cat /proc/sys/kernel/random/boot_id)
  age=$(/usr/bin/perl -e 'print time - (stat shift)[9]' "$lock")
  if [ "$(sed -n 3p "$lock")" = "$boot" ] && [ "$age" -lt ${LOCK_STALE_SECONDS} ]; then echo "busy $age $(sed -n 2p "$lock")"; fi
fi
`;
}

/**
 * Takes the builder's lock or prints `busy AGE WHO`. The file: token, who holds it, boot id (a lock of another boot is
 * void). Runs under the Mac's own lock, so looking and taking are one.
 */
export function renderAcquire(lock: JobLock, who: string): string {
  return sh`
lock=${lock.path}
mkdir -p "\${lock%/*}"
boot=$(boot_id)
if [ -e "$lock" ] && [ "$(sed -n 1p "$lock")" != ${lock.token} ] && [ "$(sed -n 3p "$lock")" = "$boot" ]; then
  age=$(/usr/bin/perl -e 'print time - (stat shift)[9]' "$lock")
  if [ "$age" -lt ${LOCK_STALE_SECONDS} ]; then echo "busy $age $(sed -n 2p "$lock")"; exit 0; fi
fi
printf '%s\n%s\n%s\n' ${lock.token} ${who} "$boot" | write_file "$lock"
`;
}

export function renderRelease(lock: JobLock): string {
  return sh`if [ "$(sed -n 1p ${lock.path} 2>/dev/null)" = ${lock.token} ]; then rm -f ${lock.path}; fi
${raw("")}`;
}
