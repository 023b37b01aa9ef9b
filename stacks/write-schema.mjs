// Writes stacks/schema.json, which editors read, from the schema that the loader checks with.
import * as fs from "node:fs";
import { format } from "prettier";
import { ensureBuilt } from "../tools/build.mjs";

await ensureBuilt();
const { configSchema } = await import("../dist/stacks/config/schema.js");
const text = await format(JSON.stringify(configSchema), { parser: "json", printWidth: 120 });
fs.writeFileSync(new URL("schema.json", import.meta.url), text);
