export type Path = readonly (string | number)[];

/**
 * A place as Pulumi writes property paths: `fleet:images["ocaml-4.13"].keep`. The top-level `config` is left out,
 * since `pulumi config` commands name keys without it.
 */
export function renderPath(path: Path): string {
  const steps = path[0] === "config" && path.length > 1 ? path.slice(1) : path;
  return steps.map((step, i) => renderStep(step, i === 0)).join("");
}

function renderStep(step: string | number, isFirst: boolean): string {
  if (typeof step === "number") return `[${step}]`;
  if (isFirst) return step;
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

export function getAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}
