import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { checkAbsolutePath, checkPattern, show } from "../checks.js";
import { MacfoundryError } from "../../host/errors.js";
import { collectJobs, runJob } from "../../host/jobs/jobs.js";
import { removeManagedScript, writeManagedScript } from "../../host/managed.js";
import { sh } from "../../host/quote.js";
import type { ApplyContext, Change, Problem, Props, StateResource } from "../resource.js";
import { compilerFacts } from "./facts.js";
import { locateBuild, receiveWords, renderCompileScript, renderInstallScript } from "./scripts.js";
import { renderRecord } from "./types.js";
import type { CompilerFact, CompilerInput, CompilerObserved, CompilersInputs, CompilersObserved } from "./types.js";

const SEND_TIMEOUT_MS = 30 * 60_000;
const INSTALL_TIMEOUT_MS = 10 * 60_000;
const FOLDER = "system-compiler";

/** OCaml compilers that belong to the Mac, not to an image: each has a prefix of its own and survives all images. */
export const compilers: StateResource<CompilersInputs, CompilersObserved, CompilerFact[]> = {
  folder: FOLDER,
  type: "SystemCompilers",
  facts: compilerFacts,
  controllerInputs: ["archives"],
  check: checkCompilers,

  complete(props) {
    const list = props["compilers"];
    if (!Array.isArray(list)) return props;
    return { ...props, compilers: list.map((entry: CompilerInput) => ({ ...entry, installed: entry.version })) };
  },

  read(facts, inputs) {
    const found = inputs.compilers.map(
      ({ version }): CompilerObserved => facts.find((fact) => fact.version === version) ?? { version },
    );
    return found.every(({ prefix }) => prefix === undefined) ? undefined : { compilers: found };
  },

  plan: planCompilers,

  async apply(context, inputs, observed) {
    const live = new Map((observed?.compilers ?? []).map((compiler) => [compiler.version, compiler]));
    for (const wanted of inputs.compilers) {
      const known = live.get(wanted.version);
      if (planCompiler("", known, wanted).length === 0) continue;
      if (wanted.sourceSha256 === undefined) await adoptCompiler(context, wanted);
      else await installCompiler(context, inputs, wanted, wanted.sourceSha256, known);
    }
    const versions = new Set(inputs.compilers.map(({ version }) => version));
    for (const compiler of live.values()) if (!versions.has(compiler.version)) await removeCompiler(context, compiler);
  },

  async remove(context, _inputs, observed) {
    for (const compiler of observed?.compilers ?? []) await removeCompiler(context, compiler);
  },

  importInputs: () => undefined,
};

function planCompilers(observed: CompilersObserved | undefined, inputs: CompilersInputs): Change[] {
  const live = new Map((observed?.compilers ?? []).map((compiler) => [compiler.version, compiler]));
  const versions = new Set(inputs.compilers.map(({ version }) => version));
  return [
    ...inputs.compilers.flatMap((wanted, i) => planCompiler(`compilers[${i}].`, live.get(wanted.version), wanted)),
    ...(observed?.compilers ?? []).flatMap(({ version, prefix }, i): Change[] =>
      versions.has(version) || prefix === undefined
        ? []
        : [{ path: `compilers[${i}]`, live: version, desired: undefined }],
    ),
  ];
}

function planCompiler(path: string, live: CompilerObserved | undefined, wanted: CompilerInput): Change[] {
  const changes: Change[] = [];
  const add = (key: string, have: unknown, want: unknown): void => {
    if (!isDeepStrictEqual(have ?? undefined, want ?? undefined))
      changes.push({ path: `${path}${key}`, live: have, desired: want });
  };
  add("installed", live?.installed, wanted.version);
  add("prefix", live?.prefix, wanted.prefix);
  add("sourceSha256", live?.sourceSha256, wanted.sourceSha256);
  add("configureArgs", live?.configureArgs, wanted.configureArgs);
  return changes;
}

/** Writes down that the compiler at this place is used as it is; reading then shows whether it answers. */
async function adoptCompiler({ host }: ApplyContext, wanted: CompilerInput): Promise<void> {
  const { version, prefix } = wanted;
  const what = `compiler ${version}`;
  const answer = await host.tryRead(sh`cd / && sudo -n -u nobody ${`${prefix}/bin/ocamlc`} -version\n`);
  const reported = answer.stdout.toString("utf8").trim();
  if (answer.code !== 0 || reported !== version) {
    throw new MacfoundryError({
      code: "COMMAND_FAILED",
      resource: what,
      cause: `${prefix}/bin/ocamlc ${answer.code === 0 ? `says ${show(reported)}` : "gives no version"}`,
      remedy: `give the compiler a source to build from (fleet:sources), or the prefix of an OCaml ${version} that is there`,
    });
  }
  await host.change(what, writeManagedScript(FOLDER, version, renderRecord(wanted)));
}

async function installCompiler(
  context: ApplyContext,
  { builder, archives }: CompilersInputs,
  wanted: CompilerInput,
  sha256: string,
  known: CompilerObserved | undefined,
): Promise<void> {
  const { host } = context;
  const { version, prefix } = wanted;
  const what = `compiler ${version}`;
  const place = locateBuild(version, createHash("sha256").update(renderRecord(wanted)).digest("hex").slice(0, 16));
  await refuseForeignPrefix(context, what, prefix, known);
  const hasArchive = await host.read(sh`[ -f ${place.archive} ] && echo yes || echo no\n`);
  if (hasArchive.trim() !== "yes") {
    context.progress(`OCaml ${version}: sending the source`);
    const file = createReadStream(archives[sha256] ?? "");
    await host.send(what, receiveWords(place, sha256, builder.uid), file, {
      timeoutMs: SEND_TIMEOUT_MS,
      signal: context.signal,
    });
  }
  const begin = Date.now();
  let tail = "";
  const show = (): void => {
    const seconds = Math.round((Date.now() - begin) / 1000);
    context.progress(`OCaml ${version}: compiling as ${builder.name}, ${seconds} s`);
  };
  show();
  const timer = setInterval(show, 5_000);
  try {
    const job = { id: place.jobId, user: builder, script: renderCompileScript(place, wanted) };
    const onOutput = (chunk: Buffer): void => {
      tail = (tail + chunk.toString("utf8")).slice(-4_000);
    };
    const end = await runJob(host, job, { onOutput, onNote: (line) => context.log(line), signal: context.signal });
    if (end.rc !== 0) {
      await collectJobs(host, [place.jobId]);
      throw new MacfoundryError({
        code: "COMMAND_FAILED",
        resource: what,
        cause: `compiling ended with exit status ${end.rc}:\n${tail.split("\n").slice(-12).join("\n").trim()}`,
        remedy: "correct configureArgs or the source (is the Command Line Tools' compiler there?), then run again",
      });
    }
  } finally {
    clearInterval(timer);
  }
  context.progress(`OCaml ${version}: installing`);
  const install = renderInstallScript(place, wanted) + writeManagedScript(FOLDER, version, renderRecord(wanted));
  await host.change(what, install, { timeoutMs: INSTALL_TIMEOUT_MS });
  await collectJobs(host, [place.jobId]);
}

async function refuseForeignPrefix(
  { host }: ApplyContext,
  what: string,
  prefix: string,
  known: CompilerObserved | undefined,
): Promise<void> {
  if (known?.prefix === prefix) return;
  const answer = await host.read(sh`[ -e ${prefix} ] && echo taken || echo free\n`);
  if (answer.trim() === "free") return;
  throw new MacfoundryError({
    code: "NOT_OWNED",
    resource: what,
    cause: `${prefix} is there and macfoundry did not make it`,
    remedy: "name another prefix for this compiler, or leave its source out to adopt what is there",
  });
}

async function removeCompiler(
  context: ApplyContext,
  { version, prefix, sourceSha256 }: CompilerObserved,
): Promise<void> {
  if (prefix === undefined) return;
  const isOurs = sourceSha256 !== undefined;
  const script = isOurs ? sh`rm -rf ${prefix}\n` : "";
  await context.host.change(`compiler ${version}`, script + removeManagedScript(FOLDER, version), {
    timeoutMs: INSTALL_TIMEOUT_MS,
  });
  context.log(
    isOurs ? `OCaml ${version} removed from ${prefix}` : `OCaml ${version} at ${prefix} was adopted: left alone`,
  );
}

function checkCompilers(props: Props): Problem[] {
  const problems: Problem[] = [];
  const list = props["compilers"];
  if (!Array.isArray(list)) return [{ path: "compilers", reason: `must be a list, got ${show(list)}` }];
  const archives = (props["archives"] ?? {}) as Props;
  const seen = new Map<unknown, string>();
  list.forEach((entry: Props, i) => {
    const path = `compilers[${i}]`;
    checkPattern(
      problems,
      `${path}.version`,
      entry["version"],
      /^\d+\.\d+\.\d+([+~][\w.+-]+)?$/,
      'a version in quotes such as "4.13.1"',
    );
    checkAbsolutePath(problems, `${path}.prefix`, entry["prefix"]);
    if (String(entry["prefix"]).includes('"')) problems.push({ path: `${path}.prefix`, reason: "must have no quotes" });
    const sha256 = entry["sourceSha256"];
    if (sha256 !== undefined) {
      checkPattern(problems, `${path}.sourceSha256`, sha256, /^[0-9a-f]{64}$/, "64 lower-case hex digits");
      if (typeof sha256 === "string" && typeof archives[sha256] !== "string")
        problems.push({ path: "archives", reason: `has no file for ${show(sha256)}` });
    }
    for (const key of ["version", "prefix"]) {
      const before = seen.get(`${key} ${String(entry[key])}`);
      if (before !== undefined)
        problems.push({ path: `${path}.${key}`, reason: `${show(entry[key])} is ${before}'s already` });
      seen.set(`${key} ${String(entry[key])}`, path);
    }
  });
  return problems;
}
