import { parseStackDocument } from "./document.js";
import { fillConfig } from "./fill.js";
import { renderPath, type Path } from "./paths.js";
import { dropValues, type RawConfig, type Report } from "./raw.js";
import { checkBuilders } from "./rules/builders.js";
import { checkHosts } from "./rules/hosts.js";
import { checkImages } from "./rules/images.js";
import { checkPlaces } from "./rules/places.js";
import { checkCompilers, checkSources } from "./rules/sources.js";
import { checkShape } from "./shape.js";
import type { ConfigProblem, LoadResult } from "./types.js";

const RULES = [checkHosts, checkBuilders, checkPlaces, checkSources, checkCompilers, checkImages];

/**
 * Reads a stack file (`Pulumi.<stack>.yaml`) and checks it as a whole: shapes, names, references. Reports every problem,
 * in the file's order. Encrypted values (`secure: …`) are neither decrypted nor shown. Paths on this machine stay as
 * written; `readStackConfig` makes them absolute.
 */
export function loadStackConfig(text: string, fileName: string): LoadResult {
  const document = parseStackDocument(text);
  const problems: ConfigProblem[] = document.problems.map(({ line, column, path, reason, remedy }) => {
    return { file: fileName, line, column, path: renderPath(path), reason, remedy };
  });
  const unusable: Path[] = [];
  const report: Report = Object.assign(
    (path: Path, reason: string, remedy: string, part: "key" | "value" = "value") => {
      problems.push({ file: fileName, ...document.locate(path, part), path: renderPath(path), reason, remedy });
    },
    {
      missing: (path: Path, key: string, hint: string) => {
        if (!unusable.some((broken) => isSame(broken, [...path, key]))) {
          report(path, `${key} is missing`, `add ${key}: ${hint}`, "key");
        }
      },
      isBroken: (path: Path) => unusable.some((broken) => isSame(broken, path) || isSame(broken.slice(0, -1), path)),
    },
  );
  if (document.problems.length > 0 && document.value === null) return { ok: false, problems };

  for (const problem of checkShape(document.value, (path) => document.sourceText(path))) {
    report(problem.path, problem.reason, problem.remedy, problem.part);
    if (problem.isUnusable) unusable.push(problem.path);
  }
  // The last ones first, since taking one out must not move the others.
  dropValues(document.value, unusable.reverse());
  const raw = (document.value as { config?: RawConfig } | null)?.config;
  if (raw !== undefined) {
    for (const check of RULES) check(raw, report);
    if (problems.length === 0) return { ok: true, config: fillConfig(raw, fileName) };
  }
  return { ok: false, problems: problems.sort((a, b) => a.line - b.line || a.column - b.column) };
}

function isSame(a: Path, b: Path): boolean {
  return a.length === b.length && a.every((step, i) => step === b[i]);
}

/** `FILE:LINE:COLUMN: PATH: REASON` and the next step, one after the other. */
export function renderProblems(problems: readonly ConfigProblem[]): string {
  return problems
    .map(({ file, line, column, path, reason, remedy }) => {
      const place = `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}`;
      return `${place}${reason}\n  Next: ${remedy}`;
    })
    .join("\n");
}
