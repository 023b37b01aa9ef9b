import type { Props, StateResource } from "../components/resource.js";
import { activation } from "../components/activation/state.js";
import { baseImage } from "../components/base-image/state.js";
import { machine } from "../components/mac-host/state.js";
import { sip } from "../components/sip/state.js";
import { macfuse } from "../components/macfuse/state.js";
import { builders } from "../components/builder/state.js";
import { snapshotStore } from "../components/snapshot-store/state.js";
import { compilers } from "../components/system-compiler/state.js";

/** A resource whose own types the provider needn't know. */
export type AnyResource = StateResource<Props, Props, unknown>;

/** Hides a noun's types: the provider hands back to it only what it gave or has checked. */
function erase<I extends Props, O extends Props, F>(resource: StateResource<I, O, F>): AnyResource {
  return resource;
}

export const RESOURCES: readonly AnyResource[] = [
  erase(machine),
  erase(sip),
  erase(macfuse),
  erase(builders),
  erase(compilers),
  erase(snapshotStore),
  erase(baseImage),
  erase(activation),
];

export function tokenOf(resource: AnyResource): string {
  return `macfoundry:state:${resource.type}`;
}

export function findByToken(token: string): AnyResource | undefined {
  return RESOURCES.find((resource) => tokenOf(resource) === token);
}

export function findByFolder(folder: string): AnyResource | undefined {
  return RESOURCES.find((resource) => resource.folder === folder);
}
