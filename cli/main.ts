interface Command {
  /** Takes the words behind the command's name; gives the exit code. */
  run(argv: string[]): Promise<number>;
}

/** Loaded when called, so that a command pays for nothing another one needs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  spec: () => import("./spec/main.js"),
  build: () => import("./build/main.js"),
  store: () => import("./store/main.js"),
  status: () => import("./status/main.js"),
  pulumi: () => import("./pulumi/main.js"),
};

const SUMMARIES: Readonly<Record<string, string>> = {
  spec: "check, print and convert a spec; show the ids of its steps",
  build: "build a spec into a store",
  store: "look at and look after a store of build results",
  status: "what the Macs of a stack are doing",
  mac: "start and stop simulated Macs",
  pulumi: "run Pulumi with this project's settings",
};

/** `argv` without the interpreter and the script. Exit codes: 0; 1 for what failed; 2 for a wrong command line. */
export async function main(argv: string[]): Promise<number> {
  // Whoever reads our output may stop early, as `head` does: no failure of ours, and no reason to break off what a
  // command is doing to a Mac.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED") throw error;
  });
  const [name, ...rest] = argv;
  if (name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(usage());
    return 0;
  }
  const load = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    if (name !== undefined) process.stderr.write(`macfoundry: unknown command ${JSON.stringify(name)}\n`);
    process.stderr.write(usage());
    return 2;
  }
  const command = await load();
  return command.run(rest);
}

function usage(): string {
  const lines = Object.keys(COMMANDS).map((name) => `  ${name.padEnd(8)} ${SUMMARIES[name] ?? ""}`.trimEnd());
  return `usage: macfoundry COMMAND …\n\n${lines.join("\n")}\n\nmacfoundry COMMAND --help tells more.\n`;
}
