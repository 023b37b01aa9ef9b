// Packs the stand-in into one file: it lies in the user's cache and must outlive the clone that made it.
import * as fs from "node:fs";
import * as path from "node:path";
import esbuild from "esbuild";

const LAUNCHER = `#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd -P) || exit 1
exec node "$here/stand-in.mjs" "$@"
`;
/** The bundle is an ES module; the CommonJS packages inside ask for require and the like. */
const BANNER = `import { createRequire as __createRequire } from "node:module";
import { fileURLToPath as __toPath } from "node:url";
const require = __createRequire(import.meta.url);
const __filename = __toPath(import.meta.url);
const __dirname = __toPath(new URL(".", import.meta.url));`;

/** Replaces file by file, the marker last, so that another clone's engine never meets half a plugin. */
export async function buildStandIn({ root, folder, marker }) {
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: ["tools/command-plugin/main.mjs"],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minify: true,
    legalComments: "none",
    banner: { js: BANNER },
    logLevel: "silent",
    write: false,
  });
  fs.mkdirSync(folder, { recursive: true });
  replaceFile(path.join(folder, "stand-in.mjs"), outputFiles[0].contents, 0o644);
  replaceFile(path.join(folder, "macfoundry-stand-in.json"), `${JSON.stringify(marker)}\n`, 0o644);
  replaceFile(path.join(folder, "pulumi-resource-command"), LAUNCHER, 0o755);
}

function replaceFile(file, contents, mode) {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.writeFileSync(temporary, contents, { mode });
  fs.renameSync(temporary, file);
}
