/** Paths of the inputs that differ. A trigger is named by its index: the npm package asks for replacement on `triggers[*]`. */
export function diffProperties(olds, news) {
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])].sort();
  return names.flatMap((name) => {
    const [before, after] = [olds[name], news[name]];
    if (describe(before) === describe(after)) return [];
    if (name !== "triggers" || !Array.isArray(before) || !Array.isArray(after)) return [name];
    return Array.from({ length: Math.max(before.length, after.length) }, (_, i) => i)
      .filter((i) => describe(before[i]) !== describe(after[i]))
      .map((i) => `triggers[${i}]`);
  });
}

/** An asset is its content's hash: state keeps no more of it. */
function describe(value) {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "absent";
  if (typeof value.hash === "string") return value.hash;
  if (Array.isArray(value)) return `[${value.map(describe).join(",")}]`;
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${describe(value[name])}`).join(",")}}`;
}
