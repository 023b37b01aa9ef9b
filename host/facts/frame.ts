/** One part of the collector's script and what its output is called. */
export interface FactScript {
  name: string;
  script: string;
}

/** What one part printed. */
export interface FactSection {
  /** Exit status of the part; anything but 0 means "could not look". */
  code: number;
  text: string;
}

/**
 * One script of all parts, each in a subshell of its own, so that neither its variables nor its failure touch the next.
 * `nonce` marks the frames: what a Mac prints can't imitate them.
 */
export function frameScripts(parts: readonly FactScript[], nonce: string): string {
  const framed = parts.map(
    ({ name, script }) =>
      `printf '\\n%s %s\\n' '${nonce}-begin' '${name}'\n` +
      `set +e\n(\nset -eu\n${script}\n) 2>&1\nrc=$?\nset -e\nprintf '\\n%s %s %s\\n' '${nonce}-end' '${name}' "$rc"\n`,
  );
  return framed.join("");
}

/** Sections by name; one that has no end mark is missing (the connection was cut in it). */
export function parseFrames(output: string, nonce: string): Map<string, FactSection> {
  const sections = new Map<string, FactSection>();
  const pattern = new RegExp(`^${nonce}-begin (\\S+)\\n([\\s\\S]*?)\\n${nonce}-end \\1 (\\d+)$`, "gm");
  for (const [, name = "", text = "", code = ""] of output.matchAll(pattern)) {
    sections.set(name, { code: Number(code), text });
  }
  return sections;
}
