import { describe, expect, it } from "@jest/globals";
import { RESOURCES, findByFolder, findByToken, tokenOf } from "../../provider/registry.js";
import { renderSchema } from "../../provider/schema.js";

describe("the registry", () => {
  it("finds every resource by its token and by its folder, which are all different", () => {
    for (const resource of RESOURCES) {
      expect(findByToken(tokenOf(resource))).toBe(resource);
      expect(findByFolder(resource.folder)).toBe(resource);
    }
    expect(new Set(RESOURCES.map(({ facts }) => facts.name)).size).toBe(RESOURCES.length);
    expect(findByToken("macfoundry:state:Nothing")).toBeUndefined();
  });

  it("is what the schema names", () => {
    const schema = JSON.parse(renderSchema(RESOURCES, "1.2.3")) as {
      version: string;
      resources: Record<string, unknown>;
    };
    expect(schema.version).toBe("1.2.3");
    expect(Object.keys(schema.resources).sort()).toEqual(RESOURCES.map(tokenOf).sort());
  });
});
