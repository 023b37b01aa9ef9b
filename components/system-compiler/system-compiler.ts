import type * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { OnHost } from "../state-resource.js";
import type { CompilerInput } from "./types.js";

export interface SystemCompilersArgs extends OnHost {
  compilers: readonly CompilerInput[];
  /** Who compiles; root only installs. */
  builder: { name: string; uid: number };
  /** Archives on the controller, by sha256. */
  archives: Record<string, string>;
}

/** The OCaml compilers that all images of a Mac may use. */
export class SystemCompilers extends HostComponent {
  readonly state: StateResource;

  constructor(name: string, args: SystemCompilersArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("system-compiler", "SystemCompilers", name, options);
    this.state = new StateResource("SystemCompilers", name, { ...args }, [], this.below);
    this.registerOutputs();
  }
}
