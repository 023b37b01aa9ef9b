// The demo's Macs: booted by the simulator's own command, with a process of ours as parent, so that they end with it.
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { ROOT } from "../build.mjs";
import { adoptableCompilerScript } from "../../test/sources/mac-compiler.mjs";

const MAC = path.join(ROOT, "test", "mac", "mac");
const KEEP_MINUTES = 240;

/** Runs the simulator's command; its words go to the person's terminal only when it fails. */
function mac(args, options = {}) {
  return execFileSync(MAC, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000, ...options });
}

/**
 * @param {{ name: string, profile: string, sip: string }} wanted
 * @param {boolean} isKept
 */
export function bootMac({ name: host, profile, sip }, isKept) {
  // Another demo may run on this machine: its Macs have other names.
  const name = `${host}-${process.pid}`;
  const life = isKept ? ["--max-minutes", String(KEEP_MINUTES)] : ["--parent", String(process.pid)];
  const info = JSON.parse(mac(["boot", name, "--profile", profile, "--sip", sip, "--json", ...life]));
  return { ...info, host };
}

export function stopMacs(names) {
  if (names.length > 0) mac(["stop", ...names]);
}

/** Runs shell text in a Mac as root, as somebody at its keyboard would. */
export function runInMac(name, script) {
  return mac(["shell", name, "/bin/sh", "-c", script]);
}

export function setSip(name, state) {
  const [on, off] = state === "enabled" ? ["sip-on", "sip-off"] : ["sip-off", "sip-on"];
  mac(["fault", name, "--clear", off]);
  mac(["fault", name, on]);
}

/** A compiler that is there before macfoundry comes: Debian's, under a prefix as somebody would have installed it. */
export function installCompiler(name, prefix) {
  runInMac(name, adoptableCompilerScript(prefix));
}
