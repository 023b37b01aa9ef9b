import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { OnHost } from "../state-resource.js";

export interface MacHostArgs extends OnHost {
  arch: "x86_64" | "arm64";
  /** `14` or `14.5`; undefined accepts every macOS that macfoundry knows. */
  macos?: string | undefined;
}

/** A Mac: what it is, and whether it is what its pool expects. Everything else on it is below this component. */
export class MacHost extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: MacHostArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mac-host", "MacHost", name, options);
    const outputs = ["build", "model", "cores", "memoryGiB", "commandLineTools", "fullDiskAccess", "computerName"];
    this.state = new StateResource("MacHost", name, { ...args }, outputs, this.below);
    this.registerOutputs();
  }
}
