import { createHash } from "node:crypto";
import { MacfoundryError } from "../../host/errors.js";
import { describeSource, DiskTree } from "../copy/index.js";
import { manifestToSexp } from "../ids/index.js";
import { asBytes, printMach, toBytes } from "../spec/index.js";

/** Digest of a context folder as copies see it: paths, contents, link targets. Raises SOURCE_INVALID. */
export async function digestContext(folder: string): Promise<string> {
  const result = await describeSource(new DiskTree(folder), asBytes("."), []).catch((error: unknown) => ({
    ok: false as const,
    message: String(error),
  }));
  if (!result.ok) {
    throw new MacfoundryError({
      code: "SOURCE_INVALID",
      resource: `context ${folder}`,
      cause: result.message,
      remedy: "name an existing folder of files, folders and links",
    });
  }
  return createHash("sha256")
    .update(toBytes(printMach(manifestToSexp(result.item))))
    .digest("hex");
}
