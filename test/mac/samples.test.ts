/**
 * Every recorded sample of a Mac's output (samples/) against a booted simulated Mac: samples.json says in which
 * profile and state and as which user the command runs, and how closely the answer must agree.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type FaultName, type MacProfile, type SimMac } from "./fixture.js";

/**
 * exact: exit code and every recorded stream to the byte. lines: each line of the sample occurs, unchanged, in the
 * sample's order. shape: each line occurs once numbers, ids and blanks are made alike. pattern: stdout as a whole
 * matches. code: the exit code only. excluded: not run, with the reason.
 */
type Compare = "exact" | "lines" | "shape" | "pattern" | "code" | "excluded";

interface Entry {
  compare: Compare;
  profile?: MacProfile;
  user?: "root" | "administrator";
  argv?: string[];
  /** State files for the time of the run, and those that are taken away. */
  state?: Record<string, string>;
  unset?: string[];
  fault?: FaultName;
  setup?: string;
  teardown?: string;
  /** Where the sample's text itself is put before the run. */
  file?: string;
  pattern?: string;
  /** Lines of the sample that another machine cannot have; `reason` says why. */
  ignore?: string[];
  /** Where the header gives no single number. */
  code?: number;
  reason?: string;
}

interface Sample {
  code: number | undefined;
  stdout: string | undefined;
  stderr: string | undefined;
}

const here = dirname(fileURLToPath(import.meta.url));
const entries = JSON.parse(readFileSync(join(here, "samples.json"), "utf8")) as Record<string, Entry>;
const sampleNames = readdirSync(join(here, "samples"))
  .filter((file) => file.endsWith(".txt") && file !== "README.txt")
  .map((file) => file.slice(0, -".txt".length));

function readSample(name: string): Sample {
  const text = readFileSync(join(here, "samples", `${name}.txt`), "utf8");
  const [header = "", ...sections] = text.split(/^--- (stdout|stderr)\n/m);
  const exit = /^#: exit: (\d+)$/m.exec(header)?.[1];
  const sample: Sample = { code: exit === undefined ? undefined : Number(exit), stdout: undefined, stderr: undefined };
  for (let index = 0; index + 1 < sections.length; index += 2) {
    sample[sections[index] === "stdout" ? "stdout" : "stderr"] = sections[index + 1];
  }
  return sample;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The simulator's own programs, for what the sample has nothing to do with. */
const realTools = "/.sim/debian/usr/bin";
const saved = "/private/var/tmp/saved-state";

/** One script: state saved, set up, run, state restored; only the command's own streams and code come out. */
function writeScript(entry: Entry): string {
  const command = (entry.argv ?? []).map(quote).join(" ");
  const asUser = entry.user === "administrator" ? `sudo -n -u administrator -H ${command}` : command;
  const silently = (lines: string): string => `{ ${lines}\n} >/dev/null 2>&1 </dev/null\n`;
  const state = Object.entries(entry.state ?? {}).map(
    ([key, value]) => `printf '%s\\n' ${quote(value)} >${quote(`/.sim/state/${key}`)}`,
  );
  const removed = (entry.unset ?? []).map((key) => `rm -f ${quote(`/.sim/state/${key}`)}`);
  return [
    "cd /",
    silently(
      `PATH=${realTools}; rm -rf ${saved}; mkdir ${saved}; tar -cf ${saved}/state.tar --exclude ./dslocal -C /.sim/state .`,
    ),
    "PATH=/usr/bin:/bin:/usr/sbin:/sbin",
    silently([...state, ...removed, entry.setup ?? ":"].join("\n")),
    `( ${entry.argv?.[0] === "sudo" && entry.user === "administrator" ? `/usr/bin/su administrator -c ${quote(command)}` : asUser} ) </dev/null`,
    "code=$?",
    silently(
      `(PATH=${realTools}; find /.sim/state -mindepth 1 -maxdepth 1 ! -name dslocal -exec rm -rf {} +; tar -xpf ${saved}/state.tar -C /.sim/state)\n` +
        (entry.teardown ?? ":"),
    ),
    "exit $code",
  ].join("\n");
}

/** Ids, numbers with their units and runs of blanks made alike. */
function shapeOf(line: string): string {
  return line
    .replace(/[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}/g, "UUID")
    .replace(/\d+(?:\.\d+)*/g, "N")
    .replace(/N ?[KMGT]?i?B\b|N[kKMGT]i?\b/g, "N")
    .replace(/[ \t]+/g, " ")
    .trim();
}

/** The first line of the sample that the answer does not have; order counts for unchanged lines only. */
function firstMissing(sample: string, actual: string, entry: Entry): string | undefined {
  const form = entry.compare === "shape" ? shapeOf : (line: string): string => line;
  const ignored = (entry.ignore ?? []).map((pattern) => new RegExp(pattern));
  const actualLines = actual.split("\n").map(form);
  let from = 0;
  for (const line of sample.split("\n")) {
    if (line.trim() === "" || ignored.some((pattern) => pattern.test(line) || pattern.test(line.trim()))) continue;
    const at = actualLines.indexOf(form(line), entry.compare === "shape" ? 0 : from);
    if (at < 0) return line;
    from = at + 1;
  }
  return undefined;
}

describe("recorded samples", () => {
  const macs = new Map<MacProfile, SimMac>();
  beforeAll(async () => {
    for (const profile of ["intel-12", "intel-14", "arm-15"] as const) {
      const mac = await bootMac({ profile });
      macs.set(profile, mac);
      await mac.run(
        "for pair in UniqueID:1000 PrimaryGroupID:20 UserShell:/bin/bash NFSHomeDirectory:/Users/mac1000 'RealName:Mac 1000'; do" +
          ' dscl . -create /Users/mac1000 "${pair%%:*}" "${pair#*:}"; done; mkdir -p /Users/mac1000; chown mac1000:staff /Users/mac1000',
      );
    }
  }, 400_000);
  afterAll(async () => {
    for (const mac of macs.values()) await mac.stop();
  });

  it("are all mapped, and each exclusion gives its reason", () => {
    expect(Object.keys(entries).sort()).toEqual([...sampleNames].sort());
    const withoutReason = Object.entries(entries).filter(
      ([, entry]) => (entry.compare === "excluded" || entry.ignore !== undefined) && (entry.reason ?? "").length < 10,
    );
    expect(withoutReason.map(([name]) => name)).toEqual([]);
    const counts = new Map<string, number>();
    for (const entry of Object.values(entries)) counts.set(entry.compare, (counts.get(entry.compare) ?? 0) + 1);
    console.info(
      `samples: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}, ${sampleNames.length} in all`,
    );
  });

  for (const [name, entry] of Object.entries(entries)) {
    if (entry.compare === "excluded") continue;
    it(`${name}: ${entry.argv?.join(" ").slice(0, 90) ?? ""} (${entry.compare})`, async () => {
      const mac = macs.get(entry.profile ?? "intel-14");
      if (mac === undefined) throw new Error(`no Mac of ${entry.profile}`);
      const sample = readSample(name);
      if (entry.file !== undefined) await mac.run(`cat >${quote(entry.file)}`, { input: sample.stdout ?? "" });
      if (entry.fault !== undefined) await mac.fault(entry.fault);
      const result = await mac.exec(writeScript(entry));
      if (entry.fault !== undefined) await mac.clearFault(entry.fault);
      const code = entry.code ?? sample.code;
      if (code !== undefined) expect({ ...result }).toMatchObject({ code });
      if (entry.compare === "pattern") expect(result.stdout).toMatch(new RegExp(entry.pattern ?? "^$"));
      if (entry.compare === "exact") {
        if (sample.stdout !== undefined) expect(result.stdout).toBe(sample.stdout);
        if (sample.stderr !== undefined) expect(result.stderr).toBe(sample.stderr);
      }
      if (entry.compare === "lines" || entry.compare === "shape") {
        for (const stream of ["stdout", "stderr"] as const) {
          const missing = firstMissing(sample[stream] ?? "", result[stream], entry);
          expect({ missing, stream, actual: missing === undefined ? "" : result[stream] }).toEqual({
            missing: undefined,
            stream,
            actual: "",
          });
        }
      }
    });
  }
});
