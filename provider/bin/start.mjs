// The first line on stdout must be the provider's port, so the build says nothing there.
import { ensureBuiltOrExit } from "../../tools/build.mjs";

await ensureBuiltOrExit();
process.setSourceMapsEnabled(true);
await import("../../dist/provider/main.js");
