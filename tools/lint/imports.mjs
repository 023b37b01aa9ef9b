// Which folder may import which. The order is the design's: a Mac knows nothing of images, images nothing of Pulumi.
import * as fs from "node:fs";
import * as path from "node:path";
import ts from "typescript";

const SOURCE_FOLDERS = new Set(["builder", "cli", "components", "host", "provider", "stacks"]);
/** Folders that other sources never reach into: what they hold is not in dist/. */
const NEVER = new Set(["test", "tools", "bench", "bin", "native", "dist", "docs"]);

/**
 * @param {string} root
 * @param {string[]} files relative to root
 * @returns {string[]} findings, `file:line: text`
 */
export function checkImports(root, files) {
  return files
    .filter((file) => file.endsWith(".ts") && SOURCE_FOLDERS.has(file.split("/")[0]))
    .flatMap((file) => {
      const text = fs.readFileSync(path.join(root, file), "utf8");
      return listImports(text).flatMap(({ specifier, line }) => {
        const reason = judgeImport(file, specifier);
        return reason === undefined ? [] : [`${file}:${line}: imports ${specifier}: ${reason}`];
      });
    });
}

function listImports(text) {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return importedFiles.map(({ fileName, pos }) => ({
    specifier: fileName,
    line: text.slice(0, pos).split("\n").length,
  }));
}

/** Why `file` may not import `specifier`; undefined when it may. */
export function judgeImport(file, specifier) {
  const from = describeModule(file);
  if (!specifier.startsWith(".")) return judgePackage(from, specifier);
  const target = path.posix.join(path.posix.dirname(file), specifier);
  if (target.startsWith("..")) return "it lies outside the project";
  const to = describeModule(target.replace(/\.js$/, ".ts"));
  if (NEVER.has(to.folder)) return `sources never reach into ${to.folder}/`;
  if (to.folder === from.folder) return from.folder === "components" ? judgeComponent(from, to) : undefined;
  // The vocabulary of errors is everybody's.
  if (target === "host/errors.js") return undefined;
  const allowed = getAllowedFolders(from);
  if (!allowed.includes(to.folder)) return `${from.name} may only reach ${allowed.join(", ") || "its own folder"}`;
  if (to.folder === "components") return judgeReachIntoComponents(from, to);
  return undefined;
}

function getAllowedFolders(from) {
  if (from.folder === "builder") return ["host"];
  if (from.folder === "cli") return ["builder", "host"];
  if (from.folder === "provider") return ["components", "host"];
  // The program computes recipes and writes the OCaml spec itself, both pure parts of builder/.
  if (from.folder === "stacks") return ["components", "builder"];
  if (from.folder === "components" && !from.isComponent) return ["host", "builder"];
  return [];
}

/** `components/<noun>/<noun>.ts` is what the program sees; everything else under components/ is the state's side. */
function describeModule(file) {
  const [folder, noun, ...rest] = file.split("/");
  const isShared = folder === "components" && rest.length === 0;
  const isComponent = folder === "components" && rest.length === 1 && rest[0] === `${noun}.ts`;
  const name = folder !== "components" || isShared ? folder : isComponent ? "a component" : "a component's state";
  return { folder, noun: isShared ? undefined : noun, file: rest.join("/"), isShared, isComponent, name };
}

function judgeComponent(from, to) {
  if (to.isShared) return undefined;
  if (from.isShared) return to.isComponent ? undefined : "what all components share knows none of them";
  if (from.noun === to.noun)
    return !from.isComponent && to.isComponent ? "a state never imports its component" : undefined;
  return from.isComponent && to.isComponent ? undefined : `${from.noun} may not reach into ${to.noun}`;
}

function judgeReachIntoComponents(from, to) {
  if (to.isShared) return undefined;
  if (from.folder === "provider")
    return to.file === "state.ts" ? undefined : "the provider sees a noun's state.ts only";
  return to.isComponent ? undefined : "a stack sees a noun's component only";
}

function judgePackage(from, specifier) {
  if (specifier.startsWith("#")) return from.folder === "cli" ? undefined : "only cli/ uses the tools";
  const isProto = specifier.startsWith("@pulumi/pulumi/proto/");
  const isPulumi = specifier.startsWith("@pulumi/");
  if (!isPulumi && specifier !== "@grpc/grpc-js" && !specifier.startsWith("google-protobuf")) return undefined;
  if (from.folder === "stacks" || from.isComponent)
    return isPulumi && !isProto ? undefined : "the wire protocol belongs to provider/";
  if (from.folder === "provider") return isPulumi && !isProto ? "a second and 111 MB for each start" : undefined;
  if (from.isShared) return isProto || !isPulumi ? "the wire protocol belongs to provider/" : undefined;
  return `${from.name} knows nothing of Pulumi`;
}
