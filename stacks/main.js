// What Pulumi.yaml names as `main:`. A program of its own kind: it must not run yesterday's code, so it builds first.
import { ensureBuiltOrExit } from "../tools/build.mjs";

await ensureBuiltOrExit();
process.setSourceMapsEnabled(true);
const program = await import("../dist/stacks/index.js");

// Pulumi takes a default export or named ones, not both; a default export that is a function is called and awaited.
export default program.default ?? { ...program };
