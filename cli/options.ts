/** Words with one hyphen that stand for options, `-f FILE` as `--file FILE`; behind `--` nothing is changed. */
export function expandShortOptions(argv: readonly string[], names: Readonly<Record<string, string>>): string[] {
  const end = argv.indexOf("--");
  return argv.map((word, index) => {
    if (end !== -1 && index >= end) return word;
    const name = Object.hasOwn(names, word) ? names[word] : undefined;
    return name === undefined ? word : `--${name}`;
  });
}
