import { renderVariables, STORE_SHELL } from "./shell.js";
import type { Builder, StoreConfig } from "./layout.js";

/**
 * Makes rows and folders agree again: rows of results that are gone go, a row's `rc` is the number of its children.
 * Results without a row get theirs when a build passes through them (their parent is not written anywhere else).
 */
export function renderRepairRows(store: StoreConfig, builder: Builder): string {
  return `${renderVariables(store, builder)}${STORE_SHELL}
printf 'SELECT id FROM builds;\\n' | sql | while read -r id; do
  [ -d "$store/result/$id/rootfs" ] || printf "DELETE FROM builds WHERE id = '%s';\\n" "$id" | sql
done
printf '%s\\n' 'UPDATE builds SET rc = (SELECT count(*) FROM builds c WHERE c.parent = builds.id) WHERE rc <> (SELECT count(*) FROM builds c WHERE c.parent = builds.id);' | sql
`;
}
