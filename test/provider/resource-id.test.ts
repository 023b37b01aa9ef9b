import { describe, expect, it } from "@jest/globals";
import { formatId, parseId } from "../../provider/resource-id.js";

describe("ids of resources", () => {
  it("are host, folder and name, and come back", () => {
    const id = { host: "mac1", folder: "base-image", name: "ocaml-4.13" };
    expect(formatId(id)).toBe("mac1/base-image/ocaml-4.13");
    expect(parseId("mac1/base-image/ocaml-4.13")).toEqual(id);
  });

  it.each(["", "mac1", "mac1/builder", "mac1//main", "/builder/main", "mac1/builder/"])("%j is none", (text) => {
    expect(parseId(text)).toBeUndefined();
  });
});
