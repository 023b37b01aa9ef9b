import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import * as pulumi from "@pulumi/pulumi";
import { BaseImage, digestTest } from "../components/base-image/base-image.js";
import type { TestConnection } from "../components/base-image/base-image.js";
import type { OnHost } from "../components/state-resource.js";
import { isSecret } from "./config/types.js";
import type { HostEntry, StackConfig, Text } from "./config/types.js";
import type { ImagePlan } from "./describe-images.js";
import type { LiveConfig } from "./plain-text.js";
import { readText } from "./plain-text.js";

export interface ImageDeclaration {
  config: StackConfig;
  entry: HostEntry;
  plan: ImagePlan;
  on: OnHost;
  live: LiveConfig;
}

export function declareImage(
  { config, entry, plan, on, live }: ImageDeclaration,
  options: pulumi.ComponentResourceOptions,
): BaseImage {
  const { entry: image, builder, spec, contextDir, contextDigest, recipe } = plan;
  const { engine, mode, path } = config.store;
  const account = config.builders.find(({ name }) => name === builder.name);
  const test = image.test === undefined ? undefined : readText(image.test, live);
  const isPlain = image.test !== undefined && !isSecret(image.test);
  return new BaseImage(
    `${on.host}-${image.name}`,
    {
      ...on,
      image: image.name,
      builder,
      store: { engine, mode, path },
      spec,
      from: Object.fromEntries(
        Object.entries(plan.from).map(([name, base]) => [name, { image: base.image, recipe: base.recipe }]),
      ),
      contextDir,
      contextDigest,
      // The OCaml image's spec sets them itself, for images on top too.
      env: image.kind === "ocaml" ? {} : { ...image.env },
      network: image.network,
      recipe,
      keep: image.keep,
      adopt: account?.adopt ?? false,
      ...(test === undefined ? {} : { test: isPlain ? test : pulumi.secret(test) }),
      // A digest of an encrypted test could be guessed by trying: it has none, and another one simply runs.
      ...(test === undefined || !isPlain ? {} : { testDigest: digestTest(test) }),
      connection: describeConnection(entry, live),
    },
    options,
  );
}

/** For the action's own SSH client: the pinned key goes along, and the private key only as a secret. */
function describeConnection(entry: HostEntry, live: LiveConfig): TestConnection {
  const read = (text: Text | undefined): string | undefined => (text === undefined ? undefined : readText(text, live));
  const identity = read(entry.identity);
  const privateKey =
    identity === undefined ? {} : { privateKey: pulumi.secret(readFileSync(expandHome(identity), "utf8")) };
  const jump = read(entry.jump)?.split(",").at(-1);
  const proxy = jump === undefined ? {} : { proxy: { ...parseJump(jump, readText(entry.user, live)), ...privateKey } };
  const hostKey = read(entry.hostKey);
  return {
    isLocal: entry.local,
    remote: {
      host: readText(entry.address, live),
      port: entry.port,
      user: readText(entry.user, live),
      ...(hostKey === undefined ? {} : { hostKey }),
      ...privateKey,
      ...proxy,
    },
  };
}

function parseJump(jump: string, user: string): { host: string; port?: number; user: string } {
  const [, name = user, host = jump, port] = /^(?:([^@]+)@)?([^:]+)(?::(\d+))?$/.exec(jump) ?? [];
  return { host, user: name, ...(port === undefined ? {} : { port: Number(port) }) };
}

function expandHome(path: string): string {
  return path.startsWith("~/") ? homedir() + path.slice(1) : path;
}
