import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { OnHost } from "../state-resource.js";

export interface MacFuseArgs extends OnHost {
  macfuse: "any" | "absent" | "loaded";
}

/** macFUSE: its receipt, version, consent and whether its kext is loaded; observed. */
export class MacFuse extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: MacFuseArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("macfuse", "MacFuse", name, options);
    this.state = new StateResource("MacFuse", name, { ...args }, ["version", "consent", "arch", "macos"], {
      ...this.below,
    });
    this.registerOutputs();
  }
}
