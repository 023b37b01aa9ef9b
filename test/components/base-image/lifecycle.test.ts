import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { computeRecipe, publishedPath } from "../../../builder/build/recipe.js";
import { activation, type ActivationInputs } from "../../../components/activation/state.js";
import { baseImage, type BaseImageInputs, type BaseImageObserved } from "../../../components/base-image/state.js";
import type { ApplyContext, Change, Props, StateResource } from "../../../components/resource.js";
import { snapshotStore, type SnapshotStoreInputs } from "../../../components/snapshot-store/state.js";
import type { Host } from "../../../host/host.js";
import { Lab } from "../../builder/build/lab.js";

/** Drives a state resource as the provider does: read, plan, apply, read again. */
class Driver {
  readonly said: string[] = [];
  constructor(private readonly host: Host) {}

  async read<I extends Props, O extends Props, F>(
    resource: StateResource<I, O, F>,
    inputs: I,
    name: string,
  ): Promise<O | undefined> {
    return resource.read(resource.facts.parse(await this.host.read(resource.facts.script)), inputs, name);
  }
  async plan<I extends Props, O extends Props, F>(
    resource: StateResource<I, O, F>,
    inputs: I,
    name: string,
  ): Promise<Change[]> {
    return resource.plan(await this.read(resource, inputs, name), inputs);
  }
  async converge<I extends Props, O extends Props, F>(
    resource: StateResource<I, O, F>,
    inputs: I,
    name: string,
  ): Promise<O | undefined> {
    const context: ApplyContext = {
      host: this.host,
      progress: (line) => this.said.push(line),
      log: (line) => this.said.push(line),
      warn: (line) => this.said.push(line),
      signal: new AbortController().signal,
    };
    await resource.apply(context, inputs, await this.read(resource, inputs, name), name);
    return this.read(resource, inputs, name);
  }
}

describe("store, image and activation as state", () => {
  let lab: Lab;
  let driver: Driver;
  let store: SnapshotStoreInputs;
  beforeAll(async () => {
    lab = await Lab.open();
    driver = new Driver(lab.host().host);
    store = {
      host: "here",
      builder: { ...lab.builder },
      engine: "rsync",
      mode: "copy",
      path: "/var/db/macfoundry/store",
    };
  });
  afterAll(() => lab.close());

  function image(text: string, more: Partial<BaseImageInputs> = {}): BaseImageInputs {
    const recipe = computeRecipe({
      spec: text,
      from: {},
      sources: {},
      arch: "arm64",
      macos: "15",
      builder: { ...lab.builder, prefix: lab.builder.prefix },
      contextDigest: undefined,
      env: {},
      network: "allow",
    });
    return {
      host: "here",
      image: "tools",
      builder: { ...lab.builder },
      store: { engine: "rsync", mode: "copy", path: "/var/db/macfoundry/store" },
      spec: text,
      recipe,
      keep: 1,
      ...more,
    };
  }
  const first = `((from empty)(run(shell"echo one > a; mkdir -p d; echo deep > d/x"))(run(shell"echo two > b")))`;
  const second = `((from empty)(run(shell"echo one > a; mkdir -p d; echo deep > d/x"))(run(shell"echo three > b")))`;

  it("makes the store with OBuilder's layout, once", async () => {
    expect(await driver.read(snapshotStore, store, "store")).toBeUndefined();
    expect(await driver.converge(snapshotStore, store, "store")).toMatchObject({
      layout: "whole",
      mode: "copy",
      access: "700 0",
    });
    expect(await driver.plan(snapshotStore, store, "store")).toEqual([]);
  });

  it("refuses a store of another builder", async () => {
    const other = { ...store, builder: { ...store.builder, home: "/Users/elsewhere" } };
    const [change] = await driver.plan(snapshotStore, other, "store");
    expect(change).toMatchObject({ path: "owner", code: "NOT_OWNED" });
    await expect(driver.converge(snapshotStore, other, "store")).rejects.toMatchObject({ code: "NOT_OWNED" });
  });

  it("builds and publishes an image, and then has nothing to do and changes nothing by looking", async () => {
    const inputs = image(first);
    expect(await driver.read(baseImage, inputs, "tools")).toBeUndefined();
    const observed = await driver.converge(baseImage, inputs, "tools");
    expect(observed).toMatchObject({
      recipe: inputs.recipe,
      path: publishedPath("tools", inputs.recipe),
      published: "whole",
      results: "whole",
      kept: [],
    });
    expect(observed?.treeDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(observed?.steps?.map(({ isCached }) => isCached)).toEqual([false, false, false]);
    expect(lab.sh(`cat ${observed?.path}/a ${observed?.path}/b`)).toBe("one\ntwo\n");
    const listing = () => lab.sh("find /Users /opt /var/db -printf '%p %y %m %u %s %t %c %l\\n' | sort");
    const before = listing();
    expect(await driver.plan(baseImage, inputs, "tools")).toEqual([]);
    expect(listing()).toBe(before);
  });

  it("activates by a link, and repairs one that was pointed elsewhere", async () => {
    const inputs: ActivationInputs = { host: "here", images: { tools: image(first).recipe } };
    expect(await driver.read(activation, inputs, "active")).toBeUndefined();
    expect(await driver.converge(activation, inputs, "active")).toEqual({ images: inputs.images, generation: 1 });
    expect(lab.sh("cat /Users/tools/b")).toBe("two\n");
    lab.sh("ln -sfn /Users/mac705 /Users/tools");
    expect(await driver.plan(activation, inputs, "active")).toEqual([
      { path: 'images["tools"]', live: "a link to /Users/mac705", desired: image(first).recipe },
    ]);
    expect(await driver.converge(activation, inputs, "active")).toEqual({ images: inputs.images, generation: 2 });
  });

  it("publishes a new recipe beside the old one, flips, and rolls back", async () => {
    const next = image(second);
    const changes = await driver.plan(baseImage, next, "tools");
    expect(changes).toEqual([{ path: "recipe", live: image(first).recipe, desired: next.recipe }]);
    const observed = await driver.converge(baseImage, next, "tools");
    expect(observed?.steps?.map(({ isCached }) => isCached)).toEqual([true, true, false]);
    expect(observed?.kept).toEqual([image(first).recipe]);
    await driver.converge(activation, { host: "here", images: { tools: next.recipe } }, "active");
    expect(lab.sh("cat /Users/tools/b")).toBe("three\n");
    await driver.converge(activation, { host: "here", images: { tools: image(first).recipe } }, "active");
    expect(lab.sh("cat /Users/tools/b; ls /var/db/macfoundry/activations")).toBe("two\n1\n2\n3\n4\n");
  });

  it.each([
    [
      "a removed result",
      (o: BaseImageObserved) => `rm -rf ${lab.store.root}/result/${o.steps?.[1]?.id}`,
      /step 2 of 3 is missing/,
    ],
    [
      "a removed row",
      (o: BaseImageObserved) =>
        `sqlite3 ${lab.store.root}/state/db/db.sqlite "delete from builds where id = '${o.steps?.[2]?.id}'"`,
      /step 3 has no row/,
    ],
    [
      "a wrong count",
      (o: BaseImageObserved) =>
        `sqlite3 ${lab.store.root}/state/db/db.sqlite "update builds set rc = 7 where id = '${o.steps?.[0]?.id}'"`,
      /step 1 counts 7 children, has 1/,
    ],
    ["a file added to the publication", (o: BaseImageObserved) => `touch ${o.path}/d/new`, /altered/],
    ["a removed publication", (o: BaseImageObserved) => `rm -rf ${o.path}`, /missing/],
  ])("shows %s as drift and repairs it", async (_what, damage, shown) => {
    const inputs = image(second);
    const whole = await driver.converge(baseImage, inputs, "tools");
    lab.sh(damage(whole ?? {}));
    const changes = await driver.plan(baseImage, inputs, "tools");
    expect(changes.map(({ live }) => String(live)).join()).toMatch(shown);
    const repaired = await driver.converge(baseImage, inputs, "tools");
    expect(repaired).toMatchObject({ published: "whole", results: "whole", treeDigest: whole?.treeDigest });
    expect(await driver.plan(baseImage, inputs, "tools")).toEqual([]);
  });

  it("keeps so many older publications as asked, but never removes the one in use", async () => {
    const inputs = image(second, { keep: 0 });
    expect(await driver.plan(baseImage, inputs, "tools")).toEqual([]);
    await driver.converge(baseImage, inputs, "tools");
    expect(lab.sh("cat /Users/tools/b")).toBe("two\n");
    await driver.converge(activation, { host: "here", images: { tools: inputs.recipe } }, "active");
    expect(await driver.plan(baseImage, inputs, "tools")).toEqual([{ path: "keep", live: 1, desired: 0 }]);
    const observed = await driver.converge(baseImage, inputs, "tools");
    expect(observed?.kept).toEqual([]);
  });

  it("refuses a folder in the link's place and leaves all links as they were", async () => {
    lab.sh("mkdir /Users/other");
    const inputs: ActivationInputs = {
      host: "here",
      images: { tools: image(second).recipe, other: image(second).recipe },
    };
    const changes = await driver.plan(activation, inputs, "active");
    expect(changes).toMatchObject([{ path: 'images["other"]', code: "NOT_OWNED" }]);
    await expect(driver.converge(activation, inputs, "active")).rejects.toMatchObject({ code: "NOT_OWNED" });
  });
});
