import { MacfoundryError } from "../../host/errors.js";
import { openHost } from "../hosts/open.js";
import { parseOptions, UsageError } from "../spec/options.js";
import { openView, STORE_OPTIONS, type StoreCommand } from "./command.js";

const USAGE = `usage: macfoundry store ls                        results, the latest last
       macfoundry store show ID                   one result: parents, children, images that need it
       macfoundry store log ID                    the output of its step
       macfoundry store du                        what takes how much of the disk
       macfoundry store df                        space of the stores' volumes
       macfoundry store prune --all | --older-than AGE | --free PERCENT
                        [--limit N] [--with-published] [--dry-run]
       macfoundry store gc                        leftovers of builds that died, trash, logs of failed steps
       macfoundry store verify [--deep]           damage; 1 when there is some
       macfoundry store repair                    mends what verify finds
       macfoundry store delete ID… [--with-published]

Everywhere: [--host NAME [--stack STACK] | --local] [--store rsync:/PATH|clone:/PATH] [--json]. Without --store: all
stores that macfoundry has on this Mac. ID may be the first 6 digits or more. AGE is 90m, 12h or 30d. What another program
made is changed only with --foreign. Exit: 0; 1 for what failed or was found; 2 for a wrong command line.
`;

const COMMANDS: Readonly<Record<string, () => Promise<StoreCommand>>> = {
  ls: async () => (await import("./list.js")).list,
  show: async () => (await import("./show.js")).show,
  log: async () => (await import("./show.js")).log,
  du: async () => (await import("./usage.js")).du,
  df: async () => (await import("./usage.js")).df,
  prune: async () => (await import("./prune.js")).prune,
  gc: async () => (await import("./prune.js")).gc,
  verify: async () => (await import("./verify.js")).verify,
  repair: async () => (await import("./verify.js")).repair,
  delete: async () => (await import("./delete.js")).remove,
};

/** `macfoundry store …`: looks at and looks after a store, on this machine or a Mac of the stack. */
export async function run(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--help" || name === "-h" || rest.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (load === undefined)
      throw new UsageError(name === undefined ? "a command is missing" : `unknown command ${JSON.stringify(name)}`);
    const command = await load();
    const options = parseOptions(rest, { ...STORE_OPTIONS, ...command.shape });
    const host = openHost(options, process.env);
    try {
      return await command.run(await openView(host, options), options);
    } finally {
      await host.close();
    }
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`macfoundry store: ${error.message}\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof MacfoundryError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}
