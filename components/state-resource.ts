import * as pulumi from "@pulumi/pulumi";

/** What every component of one Mac is given. */
export interface OnHost {
  /** The Mac's name in `macfoundry:hosts`. */
  host: string;
  /** Only looked at, never changed. */
  observe: boolean;
}

/** A builder as stores and images take it. */
export interface BuilderPlace {
  name: string;
  uid: number;
  gid: number;
  home: string;
  prefix: string;
}

/** A resource of our own provider: what a Mac is. `outputs` names what only the Mac can tell. */
export class StateResource extends pulumi.CustomResource {
  constructor(
    type: string,
    name: string,
    args: OnHost & Record<string, unknown>,
    outputs: readonly string[],
    options: pulumi.CustomResourceOptions,
  ) {
    const unset = Object.fromEntries([...outputs, "status"].map((output) => [output, undefined]));
    super(`macfoundry:state:${type}`, name, { ...args, ...unset }, options);
  }

  /** One of the outputs named at construction. */
  output(name: string): pulumi.Output<unknown> {
    return (this as unknown as Record<string, pulumi.Output<unknown>>)[name] ?? pulumi.output(undefined);
  }
}

/** A component of ours: token `macfoundry:<folder>:<type>`. Its arguments stand in the state resource below it. */
export class HostComponent extends pulumi.ComponentResource {
  /** For the component's own resources. */
  protected readonly below: pulumi.CustomResourceOptions;

  constructor(folder: string, type: string, name: string, { dependsOn, ...options }: pulumi.ComponentResourceOptions) {
    // Only what is below waits: a component whose dependency has failed could not register its outputs any more, and
    // with --continue-on-error Pulumi's engine would report that beside the real reason.
    super(`macfoundry:${folder}:${type}`, name, {}, options);
    this.below = { parent: this, ...(dependsOn === undefined ? {} : { dependsOn }) };
  }
}
