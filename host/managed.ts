import { STATE_DIR } from "./host.js";
import { raw, sh } from "./quote.js";

/**
 * What macfoundry has made on a Mac, one small file per thing: `/var/db/macfoundry/managed/<folder>/<name>`. One file for
 * each, not one list: two changes never overwrite each other's entry, and no JSON is edited by shell.
 */
export const MANAGED_DIR = `${STATE_DIR}/managed`;

/** Prints `<prefix><name>=<content>` for every record of a folder; records have one line. */
export function listManagedScript(folder: string, prefix: string): string {
  return sh`
for record in ${raw(`${MANAGED_DIR}/${folder}`)}/*; do
  [ -f "$record" ] || continue
  printf '%s%s=%s\n' ${prefix} "$(basename "$record")" "$(cat "$record")"
done
`;
}

/** Writes a record; a reader sees the old or the new one, whole. */
export function writeManagedScript(folder: string, name: string, line: string): string {
  const folderPath = `${MANAGED_DIR}/${folder}`;
  return sh`
mkdir -p ${folderPath}
printf '%s\n' ${line} > ${`${folderPath}/.${name}.new`}
mv -f ${`${folderPath}/.${name}.new`} ${`${folderPath}/${name}`}
`;
}

export function removeManagedScript(folder: string, name: string): string {
  return sh`rm -f ${`${MANAGED_DIR}/${folder}/${name}`}
`;
}
