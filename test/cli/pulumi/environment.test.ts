import { describe, expect, it } from "@jest/globals";
import {
  chooseEnvironment,
  explainPassphrase,
  getBackendFolder,
  type Surroundings,
} from "../../../cli/pulumi/environment.js";

const found: Surroundings = {
  ownHome: "/cache/pulumi-home",
  stateFolder: "/data/state",
  userHome: "/home/u/.pulumi",
  loggedInTo: undefined,
  projectBackend: undefined,
};

describe("the environment of Pulumi's CLI", () => {
  it("has a home of ours, the person's login, state in files, and no update check, when nothing is set", () => {
    expect(chooseEnvironment({ PATH: "/bin" }, found)).toEqual({
      PATH: "/bin",
      PULUMI_HOME: "/cache/pulumi-home",
      PULUMI_CREDENTIALS_PATH: "/home/u/.pulumi",
      PULUMI_BACKEND_URL: "file:///data/state",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    });
  });

  it("leaves alone what is set", () => {
    const env = { PULUMI_HOME: "/h", PULUMI_BACKEND_URL: "s3://b", PULUMI_SKIP_UPDATE_CHECK: "false" };
    expect(chooseEnvironment(env, found)).toEqual(env);
  });

  it.each([
    ["a login", {}, { ...found, loggedInTo: "https://api.pulumi.com" }],
    ["an access token", { PULUMI_ACCESS_TOKEN: "x" }, found],
    ["a backend in Pulumi.yaml", {}, { ...found, projectBackend: "file:///elsewhere" }],
  ])("has no backend of ours beside %s", (_title, env, surroundings) => {
    expect(chooseEnvironment(env, surroundings)).not.toHaveProperty("PULUMI_BACKEND_URL");
  });
});

describe("the folder of a file backend", () => {
  it.each([
    ["file:///srv/state", "/srv/state"],
    ["file://~", "/home/u"],
    ["file://~/state", "/home/u/state"],
    ["file://./state", "/project/state"],
    ["file:///srv/a%20b?no_tmp_dir=true", "/srv/a b"],
    ["s3://bucket", undefined],
    ["https://api.pulumi.com", undefined],
    [undefined, undefined],
  ])("%s", (url, expected) => {
    expect(getBackendFolder(url, "/home/u", "/project")).toBe(expected);
  });
});

describe("the word on passphrases", () => {
  it("is for those who have set none; an empty one counts", () => {
    expect(explainPassphrase({})).toMatch(/PULUMI_CONFIG_PASSPHRASE_FILE/);
    expect(explainPassphrase({ PULUMI_CONFIG_PASSPHRASE: "" })).toBeUndefined();
    expect(explainPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: "/f" })).toBeUndefined();
  });
});
