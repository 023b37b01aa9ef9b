import type { Resource } from "@pulumi/pulumi";
import { Activation } from "../components/activation/activation.js";
import { Builders } from "../components/builder/builder.js";
import { MacHost } from "../components/mac-host/mac-host.js";
import { MacFuse } from "../components/macfuse/macfuse.js";
import { SipState } from "../components/sip/sip.js";
import { SnapshotStore } from "../components/snapshot-store/snapshot-store.js";
import { SystemCompilers } from "../components/system-compiler/system-compiler.js";
import type { HostEntry, StackConfig } from "./config/types.js";
import { declareImage } from "./declare-image.js";
import { describeCompilers } from "./describe-compilers.js";
import type { ImagePlan } from "./describe-images.js";
import type { LiveConfig } from "./plain-text.js";

export interface HostTree {
  name: string;
  /** What the stack shows of this Mac. */
  outputs: Record<string, unknown>;
}

/** Declares one Mac of the pool: at most 18 resources with one image, 3 for each further one (test/stacks/urns.test.ts). */
export function declareHost(
  config: StackConfig,
  entry: HostEntry,
  plans: readonly ImagePlan[],
  live: LiveConfig,
): HostTree {
  const host = entry.name;
  const observe = config.observe === "all" || config.observe.includes(host);
  const on = { host, observe };
  const { arch, macos, sip, macfuse } = config.expect;
  const mac = new MacHost(host, { ...on, arch, macos });
  const below = (...dependsOn: Resource[]) => ({ parent: mac, dependsOn });

  new SipState(host, { ...on, sip }, below(mac.state));
  new MacFuse(host, { ...on, macfuse }, below(mac.state));
  let ready: Resource[] = [mac.state];
  if (config.builders.length > 0) {
    const accounts = config.builders.map((builder) => ({ ...builder, groups: [...builder.groups] }));
    ready = [new Builders(host, { ...on, builders: accounts }, below(mac.state)).state];
  }
  if (config.compilers.length > 0) {
    const compilers = new SystemCompilers(host, { ...on, ...describeCompilers(config) }, below(...ready));
    ready = [...ready, compilers.state];
  }
  const images = declareImages();
  return { name: host, outputs: { images } };

  function declareImages(): Record<string, unknown> {
    const stores = new Map<string, Resource>();
    const lastOf = new Map<string, Resource[]>();
    const outputs: Record<string, unknown> = {};
    const tested: Resource[] = [];
    for (const plan of plans) {
      const { builder } = plan;
      const store = stores.get(builder.name) ?? declareStore(plan);
      stores.set(builder.name, store);
      // Images of one builder share its home: the next is built when the one before is tested.
      const image = declareImage(
        { config, entry, plan, on, live },
        below(store, ...ready, ...(lastOf.get(builder.name) ?? [])),
      );
      lastOf.set(builder.name, image.done);
      tested.push(...image.done);
      outputs[plan.entry.name] = { path: plan.path, recipe: plan.recipe, treeDigest: image.state.output("treeDigest") };
    }
    if (plans.length > 0) {
      const recipes = Object.fromEntries(plans.map((plan) => [plan.entry.name, plan.recipe]));
      new Activation(host, { ...on, images: recipes }, below(...tested));
    }
    return outputs;
  }

  function declareStore(plan: ImagePlan): Resource {
    const { engine, mode, path } = config.store;
    const { builder } = plan;
    return new SnapshotStore(`${host}-${builder.name}`, { ...on, builder, engine, mode, path }, below(...ready)).state;
  }
}
