import { reportErrors, loadSpec, type LoadedSpec } from "../spec/source.js";
import type { Spec } from "../../builder/spec/index.js";

/** A spec file with errors; they are told with line and column. */
export class SpecRefused extends Error {
  constructor(private readonly loaded: LoadedSpec) {
    super(`${loaded.name} is refused`);
  }

  report(): void {
    const { name, result } = this.loaded;
    if (!result.ok) reportErrors(name, result.lines, result.errors);
  }
}

/** @throws SpecRefused, UsageError */
export function readSpecFile(file: string): Spec {
  const loaded = loadSpec(file);
  if (!loaded.result.ok) throw new SpecRefused(loaded);
  return loaded.result.spec;
}
