import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { OnHost } from "../state-resource.js";
import type { BuilderInput } from "./types.js";

export interface BuildersArgs extends OnHost {
  builders: readonly BuilderInput[];
}

/** The accounts that build: one resource for all of a Mac, drift inside it by property. */
export class Builders extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: BuildersArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("builder", "Builders", name, options);
    this.state = new StateResource("Builders", name, { ...args }, [], this.below);
    this.registerOutputs();
  }
}
