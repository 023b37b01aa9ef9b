import { isMacfoundryError, MacfoundryError } from "../../host/errors.js";
import { Gate } from "../../host/gate.js";
import { Host } from "../../host/host.js";
import { openTransport } from "../../host/open.js";
import { chooseHost, HOST_OPTIONS } from "../hosts/open.js";
import { loadStackHosts } from "../hosts/stack.js";
import { parseOptions, UsageError, type Options } from "../spec/options.js";
import { parseLook, renderLook } from "./facts.js";
import { renderHost, type HostStatus } from "./render.js";

const USAGE = `usage: macfoundry status [--host NAME] [--stack STACK] [--local] [--json]

What each Mac of the selected stack is doing: macOS, boot session, free space, load, who holds its lock and builders,
running jobs, quarantined builders, stores. Exit: 0; 1 when a Mac could not be looked at; 2 for a wrong command line.
`;

/** So many Macs are asked at once. */
const PARALLEL = 8;
const TIMEOUT_MS = 30_000;

/** `macfoundry status`: only looks; what changes by itself is shown here and never kept in a stack's state. */
export async function run(argv: string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const options = parseOptions(argv, { ...HOST_OPTIONS, json: "flag" });
    if (options.words.length > 0) throw new UsageError(`unexpected word ${JSON.stringify(options.words[0])}`);
    const gate = new Gate(PARALLEL);
    const all = listHosts(options).map(({ name, open, storePaths }) => gate.run(() => look(name, open, storePaths)));
    const hosts: HostStatus[] = [];
    // In the stack's order, each as soon as it is known.
    for (const one of all) {
      const host = await one;
      hosts.push(host);
      if (!options.has("json")) process.stdout.write(renderHost(host));
    }
    if (options.has("json")) process.stdout.write(`${JSON.stringify({ hosts })}\n`);
    else if (hosts.length === 0) process.stdout.write("the stack has no Macs\n");
    return hosts.every(({ reachable }) => reachable) ? 0 : 1;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`macfoundry status: ${error.message}\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof MacfoundryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

interface Asked {
  name: string;
  /** Raises CONFIG_INVALID for an entry that cannot be read. */
  open: () => Host;
  storePaths: readonly string[];
}

function listHosts(options: Options): Asked[] {
  if (options.has("local")) {
    const config = chooseHost(options, process.env, process.platform);
    return [{ name: config.name, open: () => new Host(config, openTransport(config)), storePaths: [] }];
  }
  const stack = loadStackHosts(options.value("stack"), process.env);
  const only = options.value("host");
  if (only !== undefined) stack.find(only);
  const storePaths = stack.storePath === undefined ? [] : [stack.storePath];
  return stack.names
    .filter((name) => only === undefined || name === only)
    .map((name) => {
      const open = (): Host => {
        const config = stack.find(name);
        return new Host(config, openTransport(config));
      };
      return { name, open, storePaths };
    });
}

async function look(name: string, open: () => Host, storePaths: readonly string[]): Promise<HostStatus> {
  try {
    const host = open();
    try {
      const status = parseLook(await host.read(renderLook(storePaths), { timeoutMs: TIMEOUT_MS }));
      return { name, reachable: true, status };
    } finally {
      await host.close();
    }
  } catch (error) {
    if (!isMacfoundryError(error)) throw error;
    return { name, reachable: false, code: error.code, reason: `${error.why}; next: ${error.remedy}` };
  }
}
