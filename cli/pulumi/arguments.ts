/** What the wrapper has to know of Pulumi's command line; everything else is passed on as it is. */
export interface PulumiCommand {
  /** `up`, `destroy`, `preview`, `stack`, …, aliases resolved; undefined for a bare `pulumi` or `pulumi --version`. */
  name: string | undefined;
  /** Where the name stands in the arguments; -1 without one. */
  index: number;
  /** Value of `--stack` or `-s`. */
  stack: string | undefined;
  /** Value of `--cwd` or `-C`. */
  cwd: string | undefined;
}

/** From `pulumi --help` of 3.259: the flags before a command that take the next word as their value. */
const GLOBAL_FLAGS_WITH_VALUE = new Set([
  "--color",
  "--cwd",
  "-C",
  "--memprofilerate",
  "--otel-traces",
  "--profiling",
  "--tracing",
  "--verbose",
  "-v",
]);

const ALIASES: Readonly<Record<string, string>> = { update: "up", down: "destroy", dn: "destroy", pre: "preview" };

/** The only commands with `--continue-on-error`. */
const CONTINUING = new Set(["up", "destroy"]);

/** Commands that take the stack's lock in a file backend. */
const LOCKING = new Set(["up", "destroy", "refresh", "import", "watch"]);

export function readCommand(argv: readonly string[]): PulumiCommand {
  const command: PulumiCommand = { name: undefined, index: -1, stack: undefined, cwd: undefined };
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? "";
    if (word === "--") break;
    if (word === "--stack" || word === "-s") command.stack = argv[++i];
    else if (word.startsWith("--stack=")) command.stack = word.slice("--stack=".length);
    else if (/^-s./.test(word)) command.stack = word.slice(2).replace(/^=/, "");
    else if (word === "--cwd" || word === "-C") command.cwd = argv[++i];
    else if (word.startsWith("--cwd=")) command.cwd = word.slice("--cwd=".length);
    else if (/^-C./.test(word)) command.cwd = word.slice(2).replace(/^=/, "");
    else if (command.index === -1 && GLOBAL_FLAGS_WITH_VALUE.has(word)) i += 1;
    else if (command.index === -1 && !word.startsWith("-")) {
      command.name = ALIASES[word] ?? word;
      command.index = i;
    }
  }
  return command;
}

/**
 * The arguments with `--continue-on-error` after `up` and `destroy`, so that one Mac that is down never keeps the others
 * from being finished. Left alone when the person has decided otherwise, by flag or by Pulumi's own variable.
 */
export function addContinueOnError(
  argv: readonly string[],
  command: PulumiCommand,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const isDecided =
    env["PULUMI_CONTINUE_ON_ERROR"] !== undefined || argv.some((word) => /^--continue-on-error(=|$)/.test(word));
  if (command.name === undefined || !CONTINUING.has(command.name) || isDecided) return [...argv];
  return [...argv.slice(0, command.index + 1), "--continue-on-error", ...argv.slice(command.index + 1)];
}

export function takesLock(command: PulumiCommand): boolean {
  return command.name !== undefined && LOCKING.has(command.name);
}
