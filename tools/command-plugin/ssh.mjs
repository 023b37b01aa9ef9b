// One remote command through the OpenSSH client. Everything, the command too, goes through a configuration file that only
// this user can read: a process list shows neither the command nor a credential.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { runProcess } from "./run.mjs";

const TARGET = "macfoundry-command-target";
const BASTION = "macfoundry-command-bastion";

/**
 * @param {Record<string, any>} connection of @pulumi/command, plain
 * @param {string} command for the remote user's login shell
 * @param {{ stdin?: string | Buffer, env?: Record<string, string>, onLine?: Function }} options
 */
export async function runRemote(connection, command, options) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-command-"));
  try {
    const config = writeConfig(folder, connection, command, Object.keys(options.env ?? {}));
    const log = path.join(folder, "log");
    const askpass = writeAskpass(folder, connection);
    const result = await runProcess(["ssh", "-F", config, "-E", log, TARGET], {
      ...options,
      env: { ...options.env, ...askpass },
    });
    if (result.code === 255) throwDialError(connection, fs.existsSync(log) ? fs.readFileSync(log, "utf8").trim() : "");
    const status =
      result.code === null || result.code === 0 ? result.status : `Process exited with status ${result.code}`;
    return { ...result, status };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** A command of its own may end with 255 as well; then ssh itself has nothing to say. */
function throwDialError(connection, log) {
  if (log === "") return;
  const place = `${connection.host}:${connection.port ?? 22}`;
  if (/Host key verification failed|REMOTE HOST IDENTIFICATION/.test(log)) {
    throw new Error(`ssh: handshake failed: ssh: host key mismatch at ${place}: the key is not the given hostKey`);
  }
  if (/Permission denied/.test(log))
    throw new Error(`ssh: handshake failed: ssh: unable to authenticate at ${place}: ${log}`);
  throw new Error(`dial tcp ${place}: ${log}`);
}

function writeConfig(folder, connection, command, names) {
  const lines = [...describeHost(folder, TARGET, connection)];
  if (connection.proxy !== undefined && connection.proxy.host) {
    if (connection.proxy.password)
      throw new Error("the stand-in for the command plugin knows no proxy.password: use proxy.privateKey");
    lines.push(`  ProxyJump ${BASTION}`);
  }
  if (names.length > 0) lines.push(`  SendEnv ${names.join(" ")}`);
  lines.push(`  RemoteCommand ${encodeCommand(command)}`, "  RequestTTY no");
  if (connection.proxy !== undefined && connection.proxy.host)
    lines.push(...describeHost(folder, BASTION, connection.proxy));
  const file = path.join(folder, "config");
  fs.writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  return file;
}

function describeHost(folder, alias, connection) {
  const port = connection.port ?? 22;
  const lines = [
    `Host ${alias}`,
    `  HostName ${checkWord("host", connection.host)}`,
    `  HostKeyAlias ${alias}`,
    `  Port ${Number(port)}`,
    `  User ${checkWord("user", connection.user ?? "root")}`,
    `  ConnectTimeout ${Math.max(0, Math.round(connection.perDialTimeout ?? 15))}`,
    `  ConnectionAttempts ${connection.dialErrorLimit === undefined || connection.dialErrorLimit < 1 ? 10 : connection.dialErrorLimit}`,
    `  BatchMode ${connection.password || connection.privateKeyPassword ? "no" : "yes"}`,
    "  NumberOfPasswordPrompts 1",
    "  ForwardAgent no",
    "  UpdateHostKeys no",
    "  ServerAliveInterval 15",
    "  GlobalKnownHostsFile /dev/null",
    "  LogLevel ERROR",
  ];
  if (connection.privateKey) {
    const key = path.join(folder, `${alias}.key`);
    fs.writeFileSync(key, connection.privateKey.replace(/\n*$/, "\n"), { mode: 0o600 });
    lines.push(`  IdentityFile ${key}`);
  } else lines.push("  IdentityFile none");
  if (connection.agentSocketPath)
    lines.push(`  IdentityAgent "${checkLine("agentSocketPath", connection.agentSocketPath)}"`);
  if (connection.hostKey) {
    const known = path.join(folder, `${alias}.known`);
    fs.writeFileSync(known, `${alias} ${checkLine("hostKey", connection.hostKey.trim())}\n`, { mode: 0o600 });
    lines.push(`  UserKnownHostsFile ${known}`, "  StrictHostKeyChecking yes");
    // Ask for the kind of key that was given, or a Mac with several would answer with another.
    lines.push(`  HostKeyAlgorithms ${listAlgorithms(connection.hostKey.trim().split(/\s+/)[0])}`);
  } else lines.push("  UserKnownHostsFile /dev/null", "  StrictHostKeyChecking no");
  return lines;
}

function listAlgorithms(type) {
  checkWord("hostKey", type);
  return type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type;
}

function checkWord(name, text) {
  if (typeof text !== "string" || !/^[^\s"#]+$/.test(text)) throw new Error(`connection.${name} is not one word`);
  return text;
}

function checkLine(name, text) {
  if (/[\n"]/.test(text)) throw new Error(`connection.${name} is not one line`);
  return text;
}

/** ssh's configuration holds one line without odd quotes; any login shell (sh, bash, zsh) decodes this one alike. */
export function encodeCommand(command) {
  const bytes = [...Buffer.from(command, "utf8")];
  const text = bytes
    .map((byte) => (isHarmless(byte) ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, "0")}`))
    .join("");
  return `eval "$(printf %%b '${text}')"`;
}

const isHarmless = (byte) => /[A-Za-z0-9_.,:/=@ -]/.test(String.fromCharCode(byte));

/** Passwords reach ssh through its askpass program, which reads files of ours. */
function writeAskpass(folder, connection) {
  if (!connection.password && !connection.privateKeyPassword) return {};
  const script = path.join(folder, "askpass");
  fs.writeFileSync(path.join(folder, "password"), connection.password ?? "", { mode: 0o600 });
  fs.writeFileSync(path.join(folder, "passphrase"), connection.privateKeyPassword ?? "", { mode: 0o600 });
  const text = `#!/bin/sh\nhere=$(dirname "$0")\ncase $1 in *assphrase*) cat "$here/passphrase" ;; *) cat "$here/password" ;; esac\n`;
  fs.writeFileSync(script, text, { mode: 0o700 });
  return { SSH_ASKPASS: script, SSH_ASKPASS_REQUIRE: "force" };
}
