import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { BuilderPlace, OnHost } from "../state-resource.js";

export interface SnapshotStoreArgs extends OnHost {
  /** Whose results it holds; the store's name is the builder's. */
  builder: BuilderPlace;
  engine: "rsync" | "clone";
  mode: "copy" | "hardlink" | "hardlink_unsafe";
  /** Each builder has a folder of its own below it. */
  path: string;
}

/** Where one builder's results are kept, in OBuilder's layout. */
export class SnapshotStore extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: SnapshotStoreArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("snapshot-store", "SnapshotStore", name, options);
    this.state = new StateResource("SnapshotStore", name, { ...args, name: args.builder.name }, [], this.below);
    this.registerOutputs();
  }
}
