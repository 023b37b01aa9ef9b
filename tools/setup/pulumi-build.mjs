// Builds Pulumi's CLI and Node language host into the user's cache, once per machine and pin.
import * as fs from "node:fs";
import * as path from "node:path";
import { PINNED, askVersion, findBuilt, getBuildFolder, hashFile, satisfies } from "../lib/pulumi.mjs";
import { runCommand } from "../lib/run.mjs";
import { withLock } from "../lib/lock.mjs";

const GO_MINIMUM = "1.25.11";
const BUILD_TIMEOUT_MS = 40 * 60_000;
const PROGRESS_MS = 20_000;

/** @returns {Promise<{ ok: boolean, text: string }>} */
export async function checkGo() {
  const { code, output } = await runCommand("go", ["env", "GOVERSION"], {
    env: { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "" },
    timeoutMs: 20_000,
  });
  const version = /^go(\d+\.\d+(?:\.\d+)?)/.exec(output.trim())?.[1];
  if (code !== 0 || version === undefined) return { ok: false, text: `Go ${GO_MINIMUM} or newer is missing` };
  const whole = version.split(".").length === 2 ? `${version}.0` : version;
  const ok = satisfies(whole, GO_MINIMUM);
  return { ok, text: ok ? `Go ${version}` : `Go ${version} is too old, ${GO_MINIMUM} or newer is needed` };
}

/**
 * @param {{ root: string, say: (line: string) => void }} options
 * @returns {Promise<{ command: string, version: string, source: "PATH" | "cache" }>}
 */
export async function buildPulumi({ root, say }) {
  const folder = getBuildFolder(root);
  const onWait = (holder) => say(`waiting for process ${holder?.pid ?? "?"}, which builds the same Pulumi`);
  return withLock(
    `${folder}.lock`,
    async () => {
      const built = findBuilt(root);
      if (built !== undefined && isRunning(built)) return built;
      if (fs.existsSync(folder)) say("the Pulumi in the cache is broken: building it again");
      removeAbandoned(folder);
      await buildInto(folder, root, say);
      const fresh = findBuilt(root);
      if (fresh === undefined) throw new Error(`the build in ${folder} does not match its own stamp`);
      return fresh;
    },
    { timeoutMs: BUILD_TIMEOUT_MS, onWait },
  );
}

const isRunning = (built) => askVersion(built.command) === built.version;

/** We hold the lock of this build: whatever half-made folder of it lies about has no owner. */
function removeAbandoned(folder) {
  const prefix = `${path.basename(folder)}.building-`;
  for (const name of fs.readdirSync(path.dirname(folder))) {
    if (name.startsWith(prefix)) fs.rmSync(path.join(path.dirname(folder), name), { recursive: true, force: true });
  }
}

async function buildInto(folder, root, say) {
  const temporary = `${folder}.building-${process.pid}`;
  const bin = path.join(temporary, "bin");
  fs.mkdirSync(bin, { recursive: true });
  const started = Date.now();
  const files = {};
  for (const pin of PINNED) {
    await buildOne(pin, root, bin, say);
    const file = path.join(bin, pin.name);
    const { size, mtimeMs } = fs.statSync(file);
    files[pin.name] = { size, mtimeMs, sha256: hashFile(file), version: pin.version };
  }
  const version = askVersion(path.join(bin, "pulumi"));
  if (`v${version}` !== PINNED[0].version) throw new Error(`the built pulumi calls itself ${version ?? "nothing"}`);
  fs.writeFileSync(path.join(temporary, "stamp.json"), `${JSON.stringify({ version, files }, null, 2)}\n`);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.renameSync(temporary, folder);
  say(`built Pulumi ${version} in ${Math.round((Date.now() - started) / 1000)} s`);
}

async function buildOne(pin, root, bin, say) {
  const cwd = path.join(root, "tools", pin.folder);
  const env = { ...process.env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "" };
  const started = Date.now();
  say(`building ${pin.name} ${pin.version} from Go modules (once per machine; some minutes on two cores)`);
  const total = await countPackages(pin, cwd, env);
  let done = 0;
  const timer = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000);
    say(`${pin.name}: ${done} of about ${total} packages compiled, ${seconds} s`);
  }, PROGRESS_MS);
  try {
    const args = [
      ...["build", "-v", "-trimpath", "-mod=readonly"],
      ...(pin.tags === "" ? [] : ["-tags", pin.tags]),
      ...["-ldflags", `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${pin.version}`],
      ...["-o", path.join(bin, pin.name), pin.package],
    ];
    const onLine = (line) => {
      if (/^[\w.-]+(\/[\w.~+-]+)*$/.test(line)) done += 1;
    };
    const result = await runCommand("go", args, { cwd, env, onLine, timeoutMs: BUILD_TIMEOUT_MS });
    if (result.code !== 0) {
      const why = result.timedOut ? "it took too long" : result.output.trim().split("\n").slice(-15).join("\n");
      throw new Error(`go build of ${pin.name} failed:\n${why}`);
    }
  } finally {
    clearInterval(timer);
  }
}

/** Also where the modules are downloaded, on a machine that has none of them. */
async function countPackages(pin, cwd, env) {
  const args = ["list", "-deps", ...(pin.tags === "" ? [] : ["-tags", pin.tags]), pin.package];
  const { code, output } = await runCommand("go", args, { cwd, env, timeoutMs: BUILD_TIMEOUT_MS });
  if (code !== 0)
    throw new Error(`the modules of ${pin.name} cannot be had:\n${output.trim().split("\n").slice(-15).join("\n")}`);
  return output.split("\n").filter((line) => line !== "" && !line.startsWith("go: ")).length;
}
