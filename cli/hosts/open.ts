import { Host } from "../../host/host.js";
import type { HostConfig } from "../../host/config.js";
import { openTransport } from "../../host/open.js";
import { UsageError, type OptionShape, type Options } from "../spec/options.js";
import type { Environment } from "../pulumi/environment.js";
import { loadStackHosts } from "./stack.js";

/** Options of every command that works on one Mac. */
export const HOST_OPTIONS = { host: "value", local: "flag", stack: "value" } as const satisfies OptionShape;

const LOCAL: HostConfig = { name: "local", address: "localhost", port: 22, user: "root", hostKey: "", local: true };

/**
 * The Mac that the command line means; the caller closes it. On a Mac, `--local` may be left out. Raises UsageError and
 * CONFIG_INVALID.
 */
export function openHost(options: Options, env: Environment, platform: NodeJS.Platform = process.platform): Host {
  const config = chooseHost(options, env, platform);
  return new Host(config, openTransport(config));
}

export function chooseHost(options: Options, env: Environment, platform: NodeJS.Platform): HostConfig {
  const name = options.value("host");
  const stack = options.value("stack");
  if (name !== undefined) {
    if (options.has("local")) throw new UsageError("--host and --local exclude each other");
    return loadStackHosts(stack, env).find(name);
  }
  // The OCaml image takes its sources from the stack, wherever it is built.
  if (stack !== undefined && options.value("ocaml-version") === undefined)
    throw new UsageError("--stack goes with --host NAME");
  // Elsewhere a forgotten --host must never reach the machine one happens to sit at.
  if (options.has("local") || platform === "darwin") return LOCAL;
  throw new UsageError("say which Mac: --host NAME of the stack, or --local for this machine");
}
