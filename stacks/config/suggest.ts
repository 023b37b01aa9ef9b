/** The candidate that a person most likely meant, or undefined when none is near. */
export function suggestName(wrong: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(wrong.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = countEdits(wrong.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** "did you mean x?" when something is near, else what there is to choose from. */
export function offerNames(wrong: string, candidates: readonly string[], noun: string): string {
  const near = suggestName(wrong, candidates);
  if (near !== undefined) return `did you mean ${near}?`;
  if (candidates.length === 0) return `there are no ${noun} yet: add one, or leave this out`;
  return `choose one of the ${noun}: ${candidates.join(", ")}`;
}

/** Insertions, deletions, replacements and swaps of neighbours between two texts. */
function countEdits(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let edits = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, at(beforeLast, j - 2) + 1);
      }
      row.push(edits);
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
