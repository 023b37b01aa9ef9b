/** A command line that can't be understood: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

export interface OptionShape {
  /** `flag` takes no value; `value` takes one, once; `list` takes one each time. */
  readonly [name: string]: "flag" | "value" | "list";
}

export interface Options {
  readonly words: readonly string[];
  has(name: string): boolean;
  value(name: string): string | undefined;
  list(name: string): readonly string[];
}

/**
 * Options may stand anywhere and are written `--name VALUE` or `--name=VALUE`. The word behind an option that takes a
 * value is its value, whatever it begins with (`--shell -c`). `-` is a word; `--` ends the options.
 * @throws UsageError
 */
export function parseOptions(argv: readonly string[], shape: OptionShape): Options {
  const words: string[] = [];
  const values = new Map<string, string[]>();
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") {
      words.push(...argv.slice(index + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const name = equals === -1 ? word.replace(/^--/, "") : word.slice(2, equals);
    const kind = word.startsWith("--") && Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (kind === undefined) throw new UsageError(`unknown option ${word}`);
    const known = values.get(name) ?? [];
    if (kind === "flag") {
      if (equals !== -1) throw new UsageError(`--${name} takes no value`);
    } else {
      if (kind === "value" && known.length > 0) throw new UsageError(`--${name} is given twice`);
      const value = equals === -1 ? argv[++index] : word.slice(equals + 1);
      if (value === undefined) throw new UsageError(`--${name} needs a value`);
      known.push(value);
    }
    values.set(name, known);
  }
  return {
    words,
    has: (name) => values.has(name),
    value: (name) => values.get(name)?.[0],
    list: (name) => values.get(name) ?? [],
  };
}

/** The one word a command takes. */
export function takeFile(options: Options): string {
  const [file, extra] = options.words;
  if (file === undefined) throw new UsageError("the spec's FILE is missing (- reads standard input)");
  if (extra !== undefined) throw new UsageError(`unexpected word ${JSON.stringify(extra)}`);
  return file;
}

/** The value of an option that takes one of some words. */
export function takeChoice<Choice extends string>(
  options: Options,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const value = options.value(name);
  if (value === undefined) return undefined;
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new UsageError(`--${name} is one of ${choices.join(", ")}, not ${JSON.stringify(value)}`);
  return found;
}
