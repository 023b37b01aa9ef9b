/** The user that steps run as, and the two trees that are theirs. */
export interface Builder {
  name: string;
  uid: number;
  gid: number;
  home: string;
  /** Homebrew's place, in place and owned by this builder; undefined for a builder with a home only. */
  prefix?: string | undefined;
}

export type StoreMode = "copy" | "hardlink" | "hardlink_unsafe";

export interface StoreConfig {
  engine: "rsync" | "clone";
  /** Of the rsync engine. */
  mode?: StoreMode | undefined;
  /** The folder that holds `result`, `state` and so on: OBuilder's `--store=rsync:/DIR`. */
  root: string;
}

/** Each builder has a folder of its own below the configured path: a result belongs to one home and uid. */
export function locateStore(path: string, builderName: string): string {
  return `${path.replace(/\/+$/, "")}/${builderName}`;
}

/**
 * OBuilder's layout (rsync store): `result/<id>/{rootfs,log,env}`, `result-tmp`, `cache`, `cache-tmp`,
 * `state/db/db.sqlite`. Ours beside it, which OBuilder never looks at: `trash`, and in `state` the files `owner`,
 * `worktree`, `bases/<id>`, `steps/<id>`.
 */
export class StorePaths {
  constructor(readonly root: string) {}

  result(id: string): string {
    return `${this.root}/result/${checkStepId(id)}`;
  }
  get database(): string {
    return `${this.root}/state/db/db.sqlite`;
  }
  get trash(): string {
    return `${this.root}/trash`;
  }
}

export function checkStepId(id: string): string {
  if (!/^[0-9a-f]{64}$/.test(id)) throw new RangeError(`not a step id: ${JSON.stringify(id)}`);
  return id;
}
