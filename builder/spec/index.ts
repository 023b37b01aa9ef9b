/** The spec language: reading, printing, writing. Pure; works on bytes. */
export type * from "./ast.js";
export { SourceMap } from "./ast.js";
export { asBytes, fromBytes, fromText, toBytes, toText, toTextExactly, type ByteString } from "./bytes.js";
export { opToSexp, printSpecHum, printSpecMach, specToSexp, userToSexp } from "./canonical.js";
export { printDockerfile, type DockerfileOptions, type DockerfileResult } from "./dockerfile.js";
export { LineIndex, renderError, type SpecError, type SpecErrorCode } from "./errors.js";
export { printHeading, printOp, printSpecLayout } from "./layout.js";
export { parseSpec, type ParseResult } from "./parse.js";
export { printAtom, printHum, printMach } from "./print.js";
export { readSexp } from "./reader.js";
export { toSexp, type Sexp } from "./sexp.js";
export { checkSpec, comment, copy, env, run, shell, stage, user, userName, workdir } from "./compose.js";
