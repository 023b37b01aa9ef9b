import type { AnyResource } from "./registry.js";
import { tokenOf } from "./registry.js";

/** Just enough of Pulumi's package schema that `pulumi import` knows our types; values are of any shape. */
export function renderSchema(resources: readonly AnyResource[], version: string): string {
  const any = { $ref: "pulumi.json#/Any" };
  const shape = {
    host: { type: "string" },
    name: { type: "string" },
    observe: { type: "boolean" },
    status: { type: "string" },
  };
  const entries = resources.map((resource): [string, unknown] => [
    tokenOf(resource),
    {
      properties: { ...shape, ...Object.fromEntries((resource.computed ?? []).map((name) => [name, any])) },
      inputProperties: shape,
      requiredInputs: ["host"],
    },
  ]);
  return JSON.stringify({ name: "macfoundry", version, resources: Object.fromEntries(entries) });
}
