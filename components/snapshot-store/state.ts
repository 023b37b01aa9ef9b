import { MacfoundryError } from "../../host/errors.js";
import { listManagedScript, removeManagedScript, writeManagedScript } from "../../host/managed.js";
import { sh } from "../../host/quote.js";
import { selectEngine } from "../../builder/store/engine.js";
import { locateStore, type Builder, type StoreConfig, type StoreMode } from "../../builder/store/layout.js";
import { installCloneHelper } from "../../builder/store/helper.js";
import { renderEnsureStore } from "../../builder/store/open.js";
import { checkBuilder } from "../builder-input.js";
import { checkAbsolutePath, checkOneOf, show } from "../checks.js";
import type { Change, FactSource, Problem, Props, StateResource } from "../resource.js";

export interface SnapshotStoreInputs extends Props {
  host: string;
  builder: Builder & Props;
  engine: StoreConfig["engine"];
  /** Of the rsync engine. */
  mode: StoreMode;
  /** Each builder has a folder of its own below it. */
  path: string;
}

export interface SnapshotStoreObserved extends Props {
  engine?: string;
  mode?: string;
  path?: string;
  /** Name, uid, home and prefix of the builder whose results it holds. */
  owner?: string;
  /** `whole`, or what is missing of OBuilder's layout. */
  layout?: string;
  /** Mode and owner of its folder. */
  access?: string;
}

interface StoreRecord {
  engine: string;
  mode: string;
  path: string;
  owner: string;
  missing: string[];
  access: string;
  /** Of the account that owns it. */
  gid: number;
}

const NOUN = "snapshot-store";
const PARTS = ["result", "result-tmp", "cache", "cache-tmp", "state/db/db.sqlite"];
const WHOLE = "whole";
const ACCESS = "700 0";

/** One line per managed store: name, record, access, owner, missing parts. No database is opened: that would write. */
const SCRIPT = `
${listManagedScript(NOUN, "store ")}
for record in /var/db/macfoundry/managed/${NOUN}/*; do
  [ -f "$record" ] || continue
  name=$(basename "$record")
  read -r engine mode root <"$record"
  printf 'access %s %s\\n' "$name" "$(perl -e 'my @s = lstat shift or exit; printf "%o %d", $s[2] & 07777, $s[4]' "$root")"
  printf 'owner %s %s\\n' "$name" "$(cat "$root/state/owner" 2>/dev/null || :)"
  printf 'gid %s %s\\n' "$name" "$(id -g "$(cut -d ' ' -f 1 "$root/state/owner" 2>/dev/null)" 2>/dev/null || :)"
  for part in ${PARTS.join(" ")}; do [ -e "$root/$part" ] || printf 'missing %s %s\\n' "$name" "$part"; done
done
`;

export const snapshotStoreFacts: FactSource<Map<string, StoreRecord>> = {
  name: NOUN,
  script: SCRIPT,
  parse: parseStores,
};

/** The rsync store of one builder: OBuilder's layout and database, one owner. Nothing in it is read deeply: `store verify` does. */
export const snapshotStore: StateResource<SnapshotStoreInputs, SnapshotStoreObserved, Map<string, StoreRecord>> = {
  folder: NOUN,
  type: "SnapshotStore",
  facts: snapshotStoreFacts,
  check: checkStore,

  complete(props) {
    const builder = props["builder"] as Builder | undefined;
    return { ...props, owner: builder === undefined ? undefined : ownerLine(builder), layout: WHOLE, access: ACCESS };
  },

  read(facts, inputs, name) {
    const record = facts.get(name);
    if (record === undefined) return undefined;
    const { missing, gid: _gid, ...rest } = record;
    return {
      ...rest,
      builder: inputs.builder,
      layout: missing.length === 0 ? WHOLE : `missing: ${missing.join(", ")}`,
    };
  },

  plan(observed, inputs) {
    const wanted: Record<string, unknown> = {
      engine: inputs.engine,
      mode: inputs.mode,
      path: inputs.path,
      owner: ownerLine(inputs.builder),
      layout: WHOLE,
      access: ACCESS,
    };
    return Object.entries(wanted)
      .filter(([key, desired]) => observed?.[key] !== desired)
      .map(([key, desired]): Change => {
        const change: Change = { path: key, live: observed?.[key], desired };
        if (key === "owner" && observed?.owner !== undefined && observed.owner !== "") {
          change.code = "NOT_OWNED";
          change.human = `results cannot move to another home, prefix or uid: give builder ${inputs.builder.name} a store of its own (another \`path\`), or remove ${locateStore(inputs.path, inputs.builder.name)} if nobody needs it`;
        }
        return change;
      });
  },

  async apply(context, inputs, observed, name) {
    const refused = snapshotStore.plan(observed, inputs).find((change) => change.human !== undefined);
    if (refused !== undefined) {
      throw new MacfoundryError({
        code: refused.code ?? "NEEDS_HUMAN",
        host: context.host.name,
        resource: `store of ${inputs.builder.name}`,
        cause: `it belongs to ${show(refused.live)}`,
        remedy: refused.human ?? "",
      });
    }
    const root = locateStore(inputs.path, inputs.builder.name);
    const before =
      observed?.path === undefined || observed.path === inputs.path
        ? undefined
        : locateStore(observed.path, inputs.builder.name);
    if (before !== undefined) {
      context.progress(`moving the store to ${root}`);
      await context.host.change(`store ${root}`, renderMoveScript(before, root), { timeoutMs: 3_600_000 });
    }
    context.progress(`store ${root}`);
    const config = { engine: inputs.engine, mode: inputs.mode, root };
    if (config.engine === "clone") await installCloneHelper(context.host);
    const script = `${renderEnsureStore(config, inputs.builder, selectEngine(config))}
${sh`chmod 0700 ${root}; chown 0:0 ${root}`}
${writeManagedScript(NOUN, name, `${inputs.engine} ${inputs.mode} ${root}`)}`;
    const text = await context.host.change(`store ${root}`, script);
    const fault = /^fault (\S+) (.*)$/m.exec(text);
    if (fault !== null) {
      throw new MacfoundryError({
        code: fault[1] === "NOT_OWNED" ? "NOT_OWNED" : "CONFIG_INVALID",
        host: context.host.name,
        resource: `store ${root}`,
        cause: fault[2] ?? "",
        remedy:
          fault[1] === "NOT_OWNED"
            ? "choose another `path`, or remove that store if nobody needs it"
            : "mend the stack file and run again",
      });
    }
  },

  async remove(context, inputs, observed, name) {
    if (observed?.path === undefined) return;
    const root = locateStore(observed.path, inputs.builder.name);
    await context.host.change(`store ${root}`, renderRemoveScript(root, ownerLine(inputs.builder), name));
    context.log(`store ${root} was removed; published images stay`);
  },

  importInputs(facts, name) {
    const record = facts.get(name);
    const owner = /^(\S+) (\d+) (\S+) ?(\S*)$/.exec(record?.owner ?? "");
    if (record === undefined || owner === null) return undefined;
    const [, builderName = "", uid = "", home = "", prefix = ""] = owner;
    const builder = {
      name: builderName,
      uid: Number(uid),
      gid: record.gid,
      home,
      ...(prefix === "" ? {} : { prefix }),
    };
    return {
      host: "",
      builder,
      engine: record.engine as StoreConfig["engine"],
      mode: record.mode as StoreMode,
      path: record.path,
    };
  },
};

function ownerLine(builder: Builder): string {
  return `${builder.name} ${builder.uid} ${builder.home} ${builder.prefix ?? ""}`.trimEnd();
}

function renderMoveScript(before: string, root: string): string {
  return sh`if [ -d ${before} ] && [ ! -e ${root} ]; then
  mkdir -p ${root.slice(0, root.lastIndexOf("/"))}
  perl -e 'rename $ARGV[0], $ARGV[1] or die "$ARGV[1]: $!\n"' ${before} ${root}
fi
`;
}

/** Only a store that says it is this builder's is removed; by a rename first, so that it is there or gone. */
function renderRemoveScript(root: string, owner: string, name: string): string {
  const grave = `${root}.removed`;
  return sh`owner=$(cat ${`${root}/state/owner`} 2>/dev/null || :)
if [ "\${owner% }" = ${owner} ]; then
  rm -rf ${grave}
  mv ${root} ${grave}
fi
( trap '' HUP; chflags -R nouchg ${grave} 2>/dev/null || :; rm -rf ${grave} ) </dev/null >/dev/null 2>&1 9>&- &
${{ shell: removeManagedScript(NOUN, name) }}`;
}

function parseStores(text: string): Map<string, StoreRecord> {
  const stores = new Map<string, StoreRecord>();
  for (const line of text.split("\n")) {
    const record = /^store ([^=]+)=(\S+) (\S+) (.*)$/.exec(line);
    if (record !== null) {
      const [, name = "", engine = "", mode = "", root = ""] = record;
      stores.set(name, {
        engine,
        mode,
        path: root.slice(0, root.lastIndexOf("/")),
        owner: "",
        missing: [],
        access: "missing",
        gid: 20,
      });
      continue;
    }
    const [, kind = "", name = "", value = ""] = /^(access|owner|missing|gid) (\S+) (.*)$/.exec(line) ?? [];
    const store = stores.get(name);
    if (store === undefined) continue;
    if (kind === "access" && value !== "") store.access = value;
    if (kind === "owner") store.owner = value.trimEnd();
    if (kind === "gid" && value !== "") store.gid = Number(value);
    if (kind === "missing") store.missing.push(value);
  }
  return stores;
}

function checkStore(props: Props): Problem[] {
  const problems: Problem[] = [];
  if (props["engine"] !== undefined) checkOneOf(problems, props, "engine", ["rsync", "clone"]);
  if (props["mode"] !== undefined) checkOneOf(problems, props, "mode", ["copy", "hardlink", "hardlink_unsafe"]);
  if (props["path"] !== undefined) checkAbsolutePath(problems, "path", props["path"]);
  checkBuilder(problems, props["builder"]);
  return problems;
}
