import { readFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { MacfoundryError } from "../host/errors.js";
import { readStackConfig } from "./config/file.js";
import { renderProblems } from "./config/load.js";
import { describeImages } from "./describe-images.js";
import { declareHost } from "./declare-host.js";
import { assertSameConfig, findStackFile } from "./stack-file.js";

/** The program of every stack: one tree of resources for each Mac of its configuration. */
export default async function declareFleet(): Promise<Record<string, pulumi.Output<unknown>>> {
  const file = findStackFile(pulumi.getStack(), process.env);
  const loaded = await readStackConfig(file);
  if (!loaded.ok) {
    throw refuse(`${loaded.problems.length} problem(s) in ${file}\n${renderProblems(loaded.problems)}`);
  }
  try {
    const { config } = loaded;
    const live = pulumi.runtime.allConfig();
    assertSameConfig(file, await readFile(file, "utf8"), live);
    const plans = await describeImages(config, live);
    const trees = config.hosts.map((host) => declareHost(config, host, plans, live));
    return Object.fromEntries(trees.map(({ name, outputs }) => [name, pulumi.output(outputs)]));
  } catch (error) {
    // A person's mistake needs no stack trace.
    throw error instanceof MacfoundryError ? refuse(error.message) : error;
  }
}

/** A person's mistake. Without a stack: Pulumi has Node colour it, which takes Node 20 many seconds (pulumi/pulumi#20567). */
function refuse(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  error.stack = "";
  return error;
}
