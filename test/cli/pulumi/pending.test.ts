import { describe, expect, it } from "@jest/globals";
import { dropDoneCreates, listDoneCreates, rewriteExport } from "../../../cli/pulumi/pending.js";

const operation = (type: string, urn: string) => ({ type, resource: { urn, inputs: { a: 1 } } });
const deployment = {
  manifest: { version: "v3" },
  resources: [{ urn: "made" }, { urn: "old" }],
  pending_operations: [operation("creating", "made"), operation("creating", "not made"), operation("updating", "old")],
};

describe("notes of a killed run", () => {
  it("are done with when what was being created is there; others stay", () => {
    expect(listDoneCreates(deployment)).toEqual(["made"]);
    expect(dropDoneCreates(deployment)).toEqual({
      ...deployment,
      pending_operations: [operation("creating", "not made"), operation("updating", "old")],
    });
    expect(listDoneCreates({})).toEqual([]);
  });

  it("leave an exported stack otherwise as it is", () => {
    const text = JSON.stringify({ version: 3, deployment });
    expect(JSON.parse(rewriteExport(text))).toEqual({ version: 3, deployment: dropDoneCreates(deployment) });
  });
});
