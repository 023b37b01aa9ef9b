import { STATE_DIR } from "../../host/host.js";
import { raw, sh } from "../../host/quote.js";
import type { CompilerInput } from "./types.js";

/** Where one compiler is built: named by what it is made from, so that a changed wish never meets an old tree. */
export interface BuildPlace {
  jobId: string;
  dir: string;
  archive: string;
}

export function locateBuild(version: string, key: string): BuildPlace {
  const dir = `${STATE_DIR}/compilers/${version}-${key}`;
  return { jobId: `compiler-${version}-${key}`, dir, archive: `${dir}/source` };
}

/** Takes the archive from standard input, checks it, and gives the folder to the account that compiles. */
export function receiveWords(place: BuildPlace, sha256: string, uid: number): string[] {
  const script = sh`set -eu
umask 022
mkdir -p ${place.dir}
chmod 0711 ${`${STATE_DIR}/compilers`}
cat > ${`${place.archive}.new`}
sum=$(shasum -a 256 ${`${place.archive}.new`} | cut -d' ' -f1)
[ "$sum" = ${sha256} ] || { echo "the archive arrived with sha256 $sum" >&2; exit 1; }
chmod 0444 ${`${place.archive}.new`}
mv -f ${`${place.archive}.new`} ${place.archive}
mkdir -p ${`${place.dir}/work`}
chown ${uid} ${`${place.dir}/work`}
`;
  return ["/bin/sh", "-c", script];
}

/** The job, run as the account without rights. DESTDIR: what is installed is staged, root moves it into place later. */
export function renderCompileScript(place: BuildPlace, { prefix, configureArgs, version }: CompilerInput): string {
  return sh`set -eu
umask 022
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
cd ${`${place.dir}/work`}
rm -rf source stage
mkdir source stage
tar -xf ${place.archive} -C source
set -- source/*/configure
[ -x "$1" ] || { echo "the archive of OCaml ${raw(version)} has no configure script in its top folder" >&2; exit 1; }
cd "$(dirname "$1")"
./configure --prefix=${prefix} ${configureArgs}
make -j"$(sysctl -n hw.ncpu)"
make install DESTDIR=${`${place.dir}/work/stage`}
[ "$(${`${place.dir}/work/stage${prefix}/bin/ocamlc`} -vnum)" = ${version} ] || { echo "what was built is no OCaml ${raw(version)}" >&2; exit 1; }
`;
}

/**
 * Root's part, which runs nothing of what was built: the staged tree becomes the prefix in one rename, the tree before it
 * goes, and so do the folders of earlier tries at this version.
 */
export function renderInstallScript(place: BuildPlace, { prefix, version }: CompilerInput): string {
  return sh`staged=${`${place.dir}/work/stage${prefix}`}
mkdir -p ${parentOf(prefix)}
rm -rf ${`${prefix}.new`} ${`${prefix}.old`}
mv "$staged" ${`${prefix}.new`}
chown -R -h 0:0 ${`${prefix}.new`}
chmod -R go-w ${`${prefix}.new`}
if [ -e ${prefix} ]; then mv ${prefix} ${`${prefix}.old`}; fi
mv ${`${prefix}.new`} ${prefix}
rm -rf ${`${prefix}.old`} ${`${STATE_DIR}/compilers/${version}-`}*
`;
}

function parentOf(path: string): string {
  return path.replace(/\/[^/]+$/, "") || "/";
}
