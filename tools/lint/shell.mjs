// Shellcheck for shell files, and for shell text in TypeScript: templates tagged sh`...` (host/quote.ts).
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import ts from "typescript";

// SC2154, SC2034: a template is often one part of a script, its variables are set or used in another. SC2170, SC2242: a
// number put in at run time is a word here.
const EMBEDDED_EXCLUDES = "SC2154,SC2034,SC2170,SC2242";
/** Stands where a value goes: one word, as quoteWord() makes. */
const PLACEHOLDER = "interpolated";

export function isShellFile(root, file) {
  if (file.endsWith(".sh")) return true;
  if (path.extname(file) !== "") return false;
  const handle = fs.openSync(path.join(root, file), "r");
  try {
    const head = Buffer.alloc(64);
    fs.readSync(handle, head, 0, head.length, 0);
    return /^#! ?\/(usr\/)?bin\/(env )?(ba|da)?sh\b/.test(head.toString("latin1"));
  } finally {
    fs.closeSync(handle);
  }
}

/** @returns {string[]} findings */
export function checkShellFiles(root, files) {
  if (files.length === 0) return [];
  const result = spawnSync("shellcheck", ["-x", "-f", "gcc", ...files], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 << 20,
  });
  if (result.error !== undefined) return [`shellcheck does not run: ${result.error.message}`];
  const lines = result.stdout.split("\n").filter((line) => line !== "");
  return result.status === 0 || lines.length > 0 ? lines : [result.stderr.trim()];
}

/** @returns {{ templates: number, findings: string[] }} */
export function checkShellTemplates(root, files) {
  const templates = files
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => listTemplates(file, fs.readFileSync(path.join(root, file), "utf8")));
  if (templates.length === 0) return { templates: 0, findings: [] };
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-lint-"));
  try {
    templates.forEach(({ text }, i) => fs.writeFileSync(path.join(folder, `${i}.sh`), text));
    const names = templates.map((_, i) => `${i}.sh`);
    const result = spawnSync("shellcheck", ["-s", "sh", "-e", EMBEDDED_EXCLUDES, "-f", "gcc", ...names], {
      cwd: folder,
      encoding: "utf8",
      maxBuffer: 64 << 20,
    });
    if (result.error !== undefined)
      return { templates: 0, findings: [`shellcheck does not run: ${result.error.message}`] };
    const findings = result.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => placeFinding(templates, line));
    return { templates: templates.length, findings };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** `7.sh:2:5: warning: …` to the template's file and line. */
function placeFinding(templates, line) {
  const match = /^(\d+)\.sh:(\d+):(\d+): (.*)$/.exec(line);
  const template = match === null ? undefined : templates[Number(match[1])];
  if (match === null || template === undefined) return line;
  return `${template.file}:${template.line + Number(match[2]) - 1}: ${match[4]}`;
}

export function listTemplates(file, text) {
  if (!text.includes("sh`")) return [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found = [];
  const visit = (node) => {
    if (ts.isTaggedTemplateExpression(node) && node.tag.getText(source) === "sh") {
      const line = source.getLineAndCharacterOfPosition(node.template.getStart(source)).line + 1;
      found.push({ file, line, text: renderTemplate(node.template) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** A value's newlines are kept as continuation-free text, so that lines stay those of the file as far as values are short. */
function renderTemplate(template) {
  if (ts.isNoSubstitutionTemplateLiteral(template)) return template.text;
  return template.head.text + template.templateSpans.map((span) => PLACEHOLDER + span.literal.text).join("");
}
