/** The launchd label and folder of a job; ids are ours, and checked, because both end up in paths. */
export interface JobPlace {
  id: string;
  label: string;
  dir: string;
}

const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

export function locateJob(stateDir: string, id: string): JobPlace {
  if (!ID_PATTERN.test(id)) throw new RangeError(`not a job id: ${JSON.stringify(id)}`);
  return { id, label: `dev.macfoundry.job.${id}`, dir: `${stateDir}/jobs/${id}` };
}

/**
 * A transient LaunchDaemon: it lies in the job's folder, never in /Library/LaunchDaemons, so a reboot does not start it
 * again. ProcessType Interactive, because launchd throttles CPU and I/O of a job without it (launchd.plist(5)); file
 * descriptors are raised from launchd's default of 256.
 */
export function renderJobPlist(place: JobPlace, user: string | undefined): string {
  const words = ["/usr/bin/perl", `${place.dir}/wrapper`, place.dir, ...(user === undefined ? [] : [user])];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${escapeXml(place.label)}</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${escapeXml(word)}</string>`).join("\n")}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>ProcessType</key>
  <string>Interactive</string>
  <key>SoftResourceLimits</key>
  <dict>
    <key>NumberOfFiles</key>
    <integer>8192</integer>
  </dict>
</dict>
</plist>
`;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
