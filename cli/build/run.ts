import * as fs from "node:fs";
import * as path from "node:path";
import { buildSpec, type ResolvedBase } from "../../builder/build/build.js";
import { toText, type Spec } from "../../builder/spec/index.js";
import { MacfoundryError } from "../../host/errors.js";
import type { Host } from "../../host/host.js";
import { UsageError } from "../spec/options.js";
import { describeImage } from "./ocaml-image.js";
import type { BuildOptions } from "./options.js";
import { showBuild, standardOutput, summarizeSteps, type Output } from "./show.js";
import { readSpecFile } from "./spec-file.js";
import { chooseBuilder, surveyMac, type Survey } from "./survey.js";

/** Builds what the options say and prints the log and `Got: "ID"`. */
export async function runBuild(
  host: Host,
  options: BuildOptions,
  signal?: AbortSignal,
  output: Output = standardOutput(),
): Promise<void> {
  const { what } = options;
  if (what.kind === "spec" && fs.statSync(what.contextDir, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new UsageError(`${what.contextDir} is no folder`);
  // Before the Mac is asked: a spec with an error is told at once.
  const given = what.kind === "spec" ? readSpecFile(what.file) : undefined;
  const survey = await surveyMac(host, options.uid, given === undefined ? [] : listBases(given));
  const builder = chooseBuilder(survey, host.name, options);
  if (options.isRedirecting) {
    output.tell(
      "macfoundry: --fallback and --scoreboard are obuilderfs's; without redirecting, the prefix is in place and its builder's own",
    );
  }
  const image =
    what.kind === "ocaml" ? await describeImage(what.version, builder, survey, options.words, signal) : undefined;
  const spec = image?.spec ?? given;
  if (spec === undefined) throw new UsageError("there is nothing to build");
  const result = await buildSpec(
    {
      host,
      builder,
      store: options.store,
      spec,
      contextDir: image?.contextDir ?? (what.kind === "spec" ? path.resolve(what.contextDir) : undefined),
      resolveBase: (name) => resolveBase(survey, host.name, name),
      secrets: options.secrets,
      network: options.network,
      env: options.env,
      idCompat: options.idCompat,
      isAdopting: options.isAdopting,
      waitMs: options.waitMs,
      isReplayingLogs: true,
    },
    showBuild(output, options),
    signal,
  );
  if (options.verbosity === "info" || options.verbosity === "debug") output.tell(summarizeSteps(result.steps));
  output.write(`Got: "${result.id}"\n`);
}

function resolveBase(survey: Survey, host: string, name: string): ResolvedBase | undefined {
  const base = survey.bases.get(name);
  if (base?.isHome !== true) return base;
  throw new MacfoundryError({
    code: "NOT_OWNED",
    host,
    resource: `base ${name}`,
    cause: `${base.path} is an account's home, not an image`,
    remedy: "name an image published on this Mac (`ls -d /Users/*@*`) or empty",
  });
}

function listBases(spec: Spec): string[] {
  const all = [toText(spec.from), ...spec.builds.flatMap((build) => listBases(build.spec))];
  return [...new Set(all)].filter((name) => name !== "empty");
}
