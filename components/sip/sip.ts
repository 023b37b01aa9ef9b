import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { OnHost } from "../state-resource.js";

export interface SipStateArgs extends OnHost {
  sip: "any" | "enabled" | "disabled";
}

/** System Integrity Protection: observed; only a person in Recovery can change it. */
export class SipState extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: SipStateArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("sip", "SipState", name, options);
    this.state = new StateResource("SipState", name, { ...args }, ["arch", "macos"], this.below);
    this.registerOutputs();
  }
}
