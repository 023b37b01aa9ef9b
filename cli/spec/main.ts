import { UsageError } from "./options.js";

const USAGE = `usage: macfoundry spec check FILE [--json]
       macfoundry spec print FILE --form mach|hum|pp
       macfoundry spec dockerfile FILE [--buildkit] [--escape unix|windows]
       macfoundry spec ids FILE --context DIR [--json] [--images IMAGES.json] [--env K=V]…
                  [--secret ID:FILE]… [--workdir DIR] [--uid N] [--gid N] [--shell WORD]…
                  [--id-compat 0.5|0.6|master] [--show-secrets]

FILE is an OBuilder spec; - reads standard input. Exit: 0; 1 for a spec that is refused or can't be built; 2 for a
wrong command line.
`;

const COMMANDS: Readonly<Record<string, (argv: string[]) => Promise<number>>> = {
  check: async (argv) => (await import("./check.js")).runCheck(argv),
  print: async (argv) => (await import("./print.js")).runPrint(argv),
  dockerfile: async (argv) => (await import("./dockerfile.js")).runDockerfile(argv),
  ids: async (argv) => (await import("./ids.js")).runIds(argv),
};

/** `macfoundry spec …`: needs no Mac, and loads nothing but what the command itself needs. */
export async function run(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--help" || name === "-h" || rest.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  try {
    if (command === undefined) {
      throw new UsageError(name === undefined ? "a command is missing" : `unknown command ${JSON.stringify(name)}`);
    }
    return await command(rest);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`macfoundry spec: ${error.message}\n${USAGE}`);
    return 2;
  }
}
