import type { RawConfig, RawHost, RawText, Report } from "../raw.js";
import { show } from "../shape.js";
import { offerNames } from "../suggest.js";
import type { Path } from "../paths.js";

const KEY_TYPES = new Set([
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
  "sk-ssh-ed25519@openssh.com",
  "sk-ecdsa-sha2-nistp256@openssh.com",
]);

export function checkHosts(config: RawConfig, report: Report): void {
  const hosts = config["macfoundry:hosts"] ?? {};
  const seen = new Map<string, string>();
  for (const [name, host] of Object.entries(hosts)) {
    const path = ["config", "macfoundry:hosts", name];
    if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/.test(name)) {
      const remedy = "begin with a letter or digit and use letters, digits, dots and hyphens (at most 63)";
      report(path, `${JSON.stringify(name)} cannot name a host`, remedy, "key");
    }
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) report(path, `differs from ${twin} only by case`, "rename one of the two", "key");
    seen.set(name.toLowerCase(), name);
    checkHost(host, path, report);
  }
  checkObserve(config["fleet:observe"], Object.keys(hosts), report);
}

function checkHost(host: RawHost, path: Path, report: Report): void {
  if (host.local === true) {
    for (const key of ["address", "port", "user", "identity", "hostKey", "jump"] as const) {
      if (host[key] !== undefined) {
        report([...path, key], `has no meaning with local: true`, `remove ${key}, or local`, "key");
      }
    }
    return;
  }
  for (const key of ["address", "user", "hostKey"] as const) {
    if (host[key] === undefined) {
      const hints = {
        address: "the Mac's name or address",
        user: "the account to log in with, one that may use sudo",
        hostKey: "what `ssh-keyscan -t ed25519 ADDRESS` prints after the address, compared with the Mac's own screen",
      };
      report.missing(path, key, hints[key]);
    }
  }
  checkWord(host.address, [...path, "address"], report);
  checkWord(host.user, [...path, "user"], report);
  checkJump(host.jump, [...path, "jump"], report);
  if (typeof host.hostKey === "string") checkHostKey(host.hostKey, [...path, "hostKey"], report);
  if (typeof host.identity === "string" && !/^(\/|~\/)/.test(host.identity)) {
    const reason = `${show(host.identity)} depends on the folder one stands in`;
    report([...path, "identity"], reason, "write an absolute path, or one that begins with ~/");
  }
}

/** The OpenSSH client takes a word that begins with `-` for an option. */
function checkWord(text: RawText | undefined, path: Path, report: Report): void {
  if (typeof text !== "string" || /^[^\s\-@'"\\;|&$`][^\s@'"\\;|&$`]*$/.test(text)) return;
  report(path, `${show(text)} is not one plain word`, "write it without blanks, quotes, @ or a leading hyphen");
}

function checkJump(text: RawText | undefined, path: Path, report: Report): void {
  if (typeof text !== "string") return;
  const isGood = text.split(",").every((hop) => /^([^\s@,-][^\s@,]*@)?[A-Za-z0-9[][^\s@,]*$/.test(hop));
  if (!isGood)
    report(path, `${show(text)} is not a list of hops`, "write [user@]host[:port], several separated by commas");
}

function checkHostKey(text: string, path: Path, report: Report): void {
  const [type = "", blob = ""] = text.trim().split(/\s+/);
  const remedy = "copy the key from `ssh-keyscan -t ed25519 ADDRESS`, without the address in front";
  if (!KEY_TYPES.has(type)) {
    report(
      path,
      `${show(type)} is no type of host key`,
      KEY_TYPES.has(blob) ? `leave out the address: ${remedy}` : remedy,
    );
    return;
  }
  const bytes = Buffer.from(blob, "base64");
  const nameLength = bytes.length > 4 ? bytes.readUInt32BE(0) : 0;
  const isBase64 = bytes.toString("base64").replace(/=+$/, "") === blob.replace(/=+$/, "");
  const isWhole = isBase64 && bytes.length > nameLength + 8 && bytes.toString("latin1", 4, 4 + nameLength) === type;
  if (!isWhole || (type === "ssh-ed25519" && bytes.length !== 51)) {
    report(path, `${show(text)} is damaged or cut off`, remedy);
  }
}

function checkObserve(observe: RawConfig["fleet:observe"], hosts: readonly string[], report: Report): void {
  if (!Array.isArray(observe)) return;
  observe.forEach((name, i) => {
    if (name === undefined || hosts.includes(name)) return;
    report(["config", "fleet:observe", i], `there is no host ${show(name)}`, offerNames(name, hosts, "hosts"));
  });
}
