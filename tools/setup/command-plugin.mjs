// The plugin behind @pulumi/command: Pulumi's own download where that can work, else our stand-in (tools/command-plugin).
import * as dns from "node:dns/promises";
import * as fs from "node:fs";
import * as path from "node:path";
import { createHash } from "node:crypto";
import { getPulumiHome } from "../lib/pulumi.mjs";
import { withLock } from "../lib/lock.mjs";
import { runCommand } from "../lib/run.mjs";

export const COMMAND_VERSION = "1.2.1";
const DOWNLOAD_HOST = "get.pulumi.com";
const DOWNLOAD_TIMEOUT_MS = 60_000;
const LOOKUP_TIMEOUT_MS = 1500;
/** A machine without a way out today is asked again after this time, so that set-up stays quick. */
const RETRY_DOWNLOAD_MS = 24 * 3600_000;

/**
 * @param {{ root: string, pulumi: { command: string }, say: (line: string) => void, home?: string, canDownload?: () => Promise<boolean> }} options
 * @returns {Promise<"real" | "stand-in">}
 */
export async function installCommandPlugin({
  root,
  pulumi,
  say,
  home = getPulumiHome(),
  canDownload = canReachDownloads,
}) {
  const folder = path.join(home, "plugins", `resource-command-v${COMMAND_VERSION}`);
  const known = readKind(folder);
  if (known === "real") return "real";
  const source = hashSources(root);
  const marker = readMarker(folder);
  const isCurrent = known === "stand-in" && marker.source === source;
  if (isCurrent && Date.now() - marker.triedAt < RETRY_DOWNLOAD_MS) return "stand-in";
  return withLock(`${home}.lock`, async () => {
    if (readKind(folder) === "real") return "real";
    if ((await canDownload()) && (await download(home, folder, pulumi, say))) return "real";
    say(`no way to Pulumi's downloads: a stand-in of ours for the command plugin ${COMMAND_VERSION}, in ${home} only`);
    const { buildStandIn } = await import("./stand-in-build.mjs");
    await buildStandIn({ root, folder, marker: { source, triedAt: Date.now() } });
    return "stand-in";
  });
}

const MARKER = "macfoundry-stand-in.json";

function readMarker(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, MARKER), "utf8"));
  } catch {
    return undefined;
  }
}

/** Pulumi leaves a `.partial` file beside a folder whose installation was cut off. */
export function readKind(folder) {
  if (!fs.existsSync(path.join(folder, "pulumi-resource-command")) || fs.existsSync(`${folder}.partial`)) return "none";
  return readMarker(folder) === undefined ? "real" : "stand-in";
}

/** The name of a stand-in's making: another source is another stand-in. By content: clones share the plugin. */
function hashSources(root) {
  const folder = path.join(root, "tools", "command-plugin");
  const hash = createHash("sha256");
  for (const name of fs.readdirSync(folder).sort())
    hash.update(`${name}\n`).update(fs.readFileSync(path.join(folder, name)));
  return hash.digest("hex").slice(0, 16);
}

/** With a proxy only the proxy can tell; else a name that does not resolve saves the wait for five attempts. */
async function canReachDownloads() {
  if (process.env.HTTPS_PROXY || process.env.https_proxy) return true;
  const timeout = new Promise((resolve) => setTimeout(() => resolve(false), LOOKUP_TIMEOUT_MS).unref());
  return Promise.race([
    dns.lookup(DOWNLOAD_HOST).then(
      () => true,
      () => false,
    ),
    timeout,
  ]);
}

async function download(home, folder, pulumi, say) {
  say(`downloading Pulumi's command plugin ${COMMAND_VERSION}`);
  const staging = `${home}.download-${process.pid}`;
  try {
    const { code } = await runCommand(pulumi.command, ["plugin", "install", "resource", "command", COMMAND_VERSION], {
      env: { ...process.env, PULUMI_HOME: staging, PULUMI_SKIP_UPDATE_CHECK: "true" },
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
    const fetched = path.join(staging, "plugins", path.basename(folder));
    if (code !== 0 || readKind(fetched) !== "real") return false;
    fs.mkdirSync(path.dirname(folder), { recursive: true });
    fs.rmSync(folder, { recursive: true, force: true });
    fs.renameSync(fetched, folder);
    return true;
  } finally {
    fs.rmSync(staging, { recursive: true, force: true });
  }
}
