import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MacfoundryError } from "../../host/errors.js";
import { PROGRAM_DIR, type Host } from "../../host/host.js";
import { sh } from "../../host/quote.js";

/**
 * Puts the clone engine's helper on the Mac, compiled there from the source beside this program: nothing binary travels,
 * and it is of the Mac's own arch. Once per version of the source. Raises NEEDS_HUMAN without a compiler.
 */
export async function installCloneHelper(host: Host): Promise<void> {
  const source = readFileSync(findSource());
  const target = `${PROGRAM_DIR}/libexec/clone-tree.${createHash("sha256").update(source).digest("hex").slice(0, 12)}`;
  if ((await host.tryRead(sh`[ -x ${target} ]`)).code === 0) return;
  const script = sh`umask 022
folder=${PROGRAM_DIR}/libexec
mkdir -p "$folder"
cc=/Library/Developer/CommandLineTools/usr/bin/cc
[ -x "$cc" ] || cc=$(command -v gcc || :)
[ "$(uname -s)" != Darwin ] || [ -x /Library/Developer/CommandLineTools/usr/bin/cc ] || cc=
[ -n "$cc" ] || exit 44
cat >"$folder/clone-tree.new.c"
"$cc" -std=c11 -O2 -D_GNU_SOURCE -D_DARWIN_C_SOURCE -D_FILE_OFFSET_BITS=64 -o "$folder/clone-tree.new" "$folder/clone-tree.new.c" || exit 1
rm -f "$folder/clone-tree.new.c"
for old in "$folder"/clone-tree.*; do case $old in *.new) ;; *) rm -f "$old" ;; esac; done
mv -f "$folder/clone-tree.new" ${target}
`;
  try {
    await host.send(
      "helper clone-tree",
      ["/bin/sh", "-c", `PATH=/usr/bin:/bin:/usr/sbin:/sbin; export PATH\n${script}`],
      source,
    );
  } catch (error) {
    if (!(error instanceof MacfoundryError) || !error.why.startsWith("exit status 44")) throw error;
    throw new MacfoundryError({
      code: "NEEDS_HUMAN",
      host: host.name,
      resource: "clone engine",
      cause: "its helper is compiled on the Mac, which has no compiler",
      remedy: "install the Command Line Tools (`xcode-select --install`), or use engine rsync",
    });
  }
}

function findSource(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const path = join(folder, "native/clone/clone-tree.c");
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) throw new Error("native/clone/clone-tree.c is missing from this installation");
  }
}
