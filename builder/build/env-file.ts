import type { EnvPair } from "../ids/ids.js";
import { asBytes } from "../spec/bytes.js";
import { printHum, readSexp, toSexp, toText, type Sexp } from "../spec/index.js";

/** The `env` file beside a result's tree: `((env ((K V) …)))`, no newline at the end. */
export function printEnvFile(env: readonly EnvPair[]): string {
  return toText(printHum([[asBytes("env"), env]]));
}

/** Undefined when the file is not what a store writes. */
export function parseEnvFile(bytes: Uint8Array): EnvPair[] | undefined {
  const result = readSexp(bytes);
  if (!result.ok) return undefined;
  const top = toSexp(result.node);
  const field = isList(top) && top.length === 1 ? top[0] : undefined;
  if (field === undefined || !isList(field) || field.length !== 2 || field[0] !== "env") return undefined;
  const pairs = field[1];
  if (pairs === undefined || !isList(pairs)) return undefined;
  const env: EnvPair[] = [];
  for (const pair of pairs) {
    if (!isList(pair) || pair.length !== 2) return undefined;
    const [name, value] = pair;
    if (name === undefined || value === undefined || isList(name) || isList(value)) return undefined;
    env.push([name, value]);
  }
  return env;
}

function isList(sexp: Sexp): sexp is readonly Sexp[] {
  return typeof sexp !== "string";
}
