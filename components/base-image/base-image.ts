import { createHash } from "node:crypto";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { HostComponent, StateResource } from "../state-resource.js";
import type { BuilderPlace, OnHost } from "../state-resource.js";
import { renderTestCommand } from "./test-command.js";

/** How the action of an image's test reaches the Mac: that provider dials by itself and knows nothing of ours. */
export interface TestConnection {
  isLocal: boolean;
  remote: pulumi.Input<command.types.input.remote.ConnectionArgs>;
}

export interface BaseImageArgs extends OnHost {
  image: string;
  builder: BuilderPlace;
  store: { engine: "rsync" | "clone"; mode: "copy" | "hardlink" | "hardlink_unsafe"; path: string };
  /** Canonical spec, mach form. */
  spec: string;
  from: Record<string, { image: string; recipe: string }>;
  contextDir?: string | undefined;
  contextDigest?: string | undefined;
  env: Record<string, string>;
  network: "allow" | "deny";
  recipe: string;
  keep: number;
  adopt: boolean;
  /** Must succeed as the builder after the build, before activation. */
  test?: pulumi.Input<string> | undefined;
  /** Of the test, so that an image's home is in place when another test is to run. */
  testDigest?: string | undefined;
  connection: TestConnection;
}

/** An image: built as the builder, published beside the older ones, tested. Nothing is switched here. */
export class BaseImage extends HostComponent {
  readonly state: StateResource;
  /** What must be done before the image may be activated, or another one be built in the same home. */
  readonly done: pulumi.Resource[];

  constructor(name: string, args: BaseImageArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("base-image", "BaseImage", name, options);
    const { test, connection, ...inputs } = args;
    this.state = new StateResource(
      "BaseImage",
      name,
      { ...inputs, name: args.image },
      ["treeDigest", "kept", "steps"],
      {
        ...this.below,
        customTimeouts: { create: "6h", update: "6h" },
      },
    );
    this.done = [this.state];
    if (test !== undefined && !args.observe) this.done.push(this.declareTest(name, args, test, connection));
    this.registerOutputs();
  }

  private declareTest(
    name: string,
    args: BaseImageArgs,
    test: pulumi.Input<string>,
    connection: TestConnection,
  ): pulumi.Resource {
    const create = pulumi.output(test).apply((text) => renderTestCommand(args.image, args.builder.name, text));
    const treeDigest = this.state.output("treeDigest");
    const common = { create, triggers: [args.recipe, treeDigest], addPreviousOutputInEnv: false };
    const options = { parent: this, dependsOn: [this.state] };
    return connection.isLocal
      ? new command.local.Command(`${name}-test`, common, options)
      : new command.remote.Command(`${name}-test`, { ...common, connection: connection.remote }, options);
  }
}

/** Equal for equal tests; of an encrypted one only Pulumi's ciphertext would be another way to tell. */
export function digestTest(test: string): string {
  return createHash("sha256").update(`macfoundry test ${test}`).digest("hex").slice(0, 32);
}
