/** One word for POSIX sh (bash, dash and zsh read it alike): single quotes unless the text is plainly harmless. */
export function quoteWord(text: string): string {
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

/**
 * Template tag for shell text sent to a Mac: every interpolated string becomes one quoted word, an array several;
 * `raw(...)` passes text that is shell already. Lint feeds the constant parts to shellcheck.
 */
export function sh(parts: TemplateStringsArray, ...values: (string | number | readonly string[] | RawShell)[]): string {
  let text = parts[0] ?? "";
  values.forEach((value, i) => {
    text += renderValue(value) + (parts[i + 1] ?? "");
  });
  return text;
}

export interface RawShell {
  readonly shell: string;
}

/** Marks text as shell code, not data. Only for code of ours, never for anything from a config or a Mac. */
export function raw(shell: string): RawShell {
  return { shell };
}

function renderValue(value: string | number | readonly string[] | RawShell): string {
  if (typeof value === "string") return quoteWord(value);
  if (typeof value === "number") return String(value);
  if ("shell" in value) return value.shell;
  return quoteWords(value);
}
