import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { OnHost } from "../state-resource.js";

export interface ActivationArgs extends OnHost {
  /** Image to the recipe that `/Users/<image>` shall lead to. */
  images: Record<string, string>;
}

/** The one switch of a Mac: all links at once, after everything was staged and tested. */
export class Activation extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: ActivationArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("activation", "Activation", name, options);
    this.state = new StateResource("Activation", name, { ...args }, ["generation"], this.below);
    this.registerOutputs();
  }
}
