import type { HostConfig, RunResult } from "./config.js";
import { MacfoundryError } from "./errors.js";

/** ssh's own exit code; our scripts never give it. */
export const SSH_FAILED = 255;

/** What ssh's last words mean to a person; wording of OpenSSH 8.6 to 10.0. */
export function explainSshFailure(host: HostConfig, stderr: string): MacfoundryError {
  const text = stderr.trim();
  const where = `${host.user}@${host.address} port ${host.port}`;
  if (/HOST IDENTIFICATION HAS CHANGED|Host key verification failed|No \S+ host key is known/.test(text)) {
    return new MacfoundryError({
      code: "HOST_KEY_CHANGED",
      host: host.name,
      cause: `${where} shows another host key than the pinned one`,
      remedy:
        "find out why (a reinstalled Mac, another machine at this address?); only then put the new key, as " +
        "`ssh-keyscan` prints it, into macfoundry:hosts",
    });
  }
  if (/Permission denied|Too many authentication failures|no such identity/i.test(text)) {
    return new MacfoundryError({
      code: "AUTH_DENIED",
      host: host.name,
      cause: `${where} refuses our key: ${lastLine(text)}`,
      remedy: `add the public key to ~${host.user}/.ssh/authorized_keys on the Mac, or name the right \`identity\``,
    });
  }
  return new MacfoundryError({
    code: "HOST_UNREACHABLE",
    host: host.name,
    cause: `no connection to ${where}: ${lastLine(text) || "ssh ended without a word"}`,
    remedy: "check that the Mac is up, awake and has Remote Login on; nothing is lost, run again when it is back",
  });
}

/**
 * What sudo 1.9 (macOS 12 to 26) says when it lets nobody through; other lines that begin with its name ("sudo: FILE:
 * command not found") are the answer of a command that ran as root.
 */
const SUDO_REFUSAL = new RegExp(
  "^sudo: (?:a password is required|a terminal is required|no tty present|sorry, you must have a tty|" +
    "no valid sudoers sources|account validation failure|PAM (?:account|authentication)|\\S*sudoers\\b).*" +
    "|.* is not (?:in the sudoers file|allowed to (?:run|execute)).*",
  "m",
);

/** sudo's refusals come with exit status 1 and nothing on stdout. */
export function findSudoRefusal(host: HostConfig, result: RunResult): MacfoundryError | undefined {
  if (result.code !== 1 || result.stdout.length > 0) return undefined;
  const line = SUDO_REFUSAL.exec(result.stderr.toString("utf8"));
  if (line === null) return undefined;
  return new MacfoundryError({
    code: "SUDO_DENIED",
    host: host.name,
    cause: `${host.user} cannot become root without a password: ${line[0].trim()}`,
    remedy:
      `on the Mac, as an administrator: \`echo '${host.user} ALL=(ALL) NOPASSWD: ALL' | ` +
      "sudo tee /private/etc/sudoers.d/macfoundry && sudo chmod 0440 /private/etc/sudoers.d/macfoundry`",
  });
}

function lastLine(text: string): string {
  return text.split("\n").at(-1)?.trim() ?? "";
}
