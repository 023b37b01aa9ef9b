import { Ajv, type ErrorObject } from "ajv";
import { getAt, type Path } from "./paths.js";
import { configSchema } from "./schema.js";
import { offerNames, suggestName } from "./suggest.js";

/** What is wrong at one place of the plain value; the caller knows line and column. */
export interface ShapeProblem {
  path: Path;
  part: "key" | "value";
  reason: string;
  remedy: string;
  /** True when the value there must not be looked at further. */
  isUnusable: boolean;
}

interface SubSchema {
  description?: string;
  type?: string;
  properties?: Record<string, SubSchema>;
  additionalProperties?: SubSchema | boolean;
  $ref?: string;
}

const validate = new Ajv({ allErrors: true, verbose: true, strictTypes: false }).compile(configSchema);

/** Everything in which `value` differs from the schema, each as one sentence. `sourceText` gives a scalar as written. */
export function checkShape(value: unknown, sourceText: (path: Path) => string | undefined): ShapeProblem[] {
  if (validate(value)) return [];
  const errors = (validate.errors ?? []).map((error) => ({ error, path: toPath(error.instancePath, value) }));
  const unions = errors.filter(({ error }) => error.keyword === "anyOf");
  return errors
    .filter(({ error }) => !isInsideUnion(error, unions))
    .filter(({ error }) => !(error.keyword === "anyOf" && hasDeeperError(error, errors)))
    .filter(({ error }) => ["type", "anyOf"].includes(error.keyword) || !hasTypeError(error, errors))
    .map(({ error, path }) => describe(error, path, value, sourceText))
    .filter((problem, i, all) => all.findIndex((other) => isSamePlace(other, problem)) === i);
}

/** Errors of a union's branches say what each branch wanted; the union's own error is the one to tell. */
function isInsideUnion(error: ErrorObject, unions: readonly { error: ErrorObject }[]): boolean {
  if (error.keyword === "anyOf") return false;
  return unions.some(({ error: union }) => {
    const isBelow = error.instancePath.startsWith(`${union.instancePath}/`);
    return error.instancePath === union.instancePath || (isBelow && !Array.isArray(union.data));
  });
}

function hasDeeperError(union: ErrorObject, errors: readonly { error: ErrorObject }[]): boolean {
  if (!Array.isArray(union.data)) return false;
  return errors.some(({ error }) => error.instancePath.startsWith(`${union.instancePath}/`));
}

/** What a value of the wrong type is otherwise not, says nothing more. */
function hasTypeError(error: ErrorObject, errors: readonly { error: ErrorObject }[]): boolean {
  return errors.some(({ error: other }) => other.keyword === "type" && other.instancePath === error.instancePath);
}

function isSamePlace(a: ShapeProblem, b: ShapeProblem): boolean {
  return a.reason === b.reason && JSON.stringify(a.path) === JSON.stringify(b.path);
}

function describe(
  error: ErrorObject,
  path: Path,
  root: unknown,
  sourceText: (path: Path) => string | undefined,
): ShapeProblem {
  const schema = error.parentSchema as SubSchema;
  const params = error.params as Record<string, unknown>;
  const help = schema.description ?? "";
  const at = (reason: string, remedy: string): ShapeProblem => {
    return { path, part: "value", reason, remedy, isUnusable: true };
  };
  switch (error.keyword) {
    case "additionalProperties":
      return describeUnknownKey(path, String(params.additionalProperty), schema, getAt(root, path));
    case "required": {
      const name = String(params.missingProperty);
      const hint = schema.properties?.[name]?.description ?? "";
      return { path, part: "key", reason: `${name} is missing`, remedy: `add ${name}: ${hint}`, isUnusable: false };
    }
    case "type":
      return describeType(
        String(params.type),
        path,
        error.data,
        sourceText(path),
        help,
        getAt(root, path.slice(0, -1)),
      );
    case "anyOf": {
      const wanted = typeof help === "string" && path.at(-1) === "fleet:observe" ? "true, false or a list" : "string";
      return describeType(wanted, path, error.data, sourceText(path), help, undefined);
    }
    case "enum": {
      const choices = (params.allowedValues as unknown[]).map(String);
      const near = suggestName(String(error.data), choices);
      return at(
        `${show(error.data)} is not one of ${choices.join(", ")}`,
        near === undefined ? `write one of ${choices.join(", ")}` : `did you mean ${near}?`,
      );
    }
    case "pattern":
      return at(`${show(error.data)} does not have the right form`, help);
    case "minLength":
      return at("is empty", help);
    case "minItems":
      return at("the list is empty", help);
    case "uniqueItems": {
      const twice = (error.data as unknown[])[Number(params.i)];
      return { ...at(`${show(twice)} is there twice`, "remove one of the two"), isUnusable: false };
    }
    case "minimum":
      return at(`${show(error.data)} is less than ${String(params.limit)}`, `write ${String(params.limit)} or more`);
    case "maximum":
      return at(`${show(error.data)} is more than ${String(params.limit)}`, `write at most ${String(params.limit)}`);
    default:
      return at(`${show(error.data)} ${error.message ?? "is not accepted"}`, help);
  }
}

function describeUnknownKey(parent: Path, key: string, schema: SubSchema, around: unknown): ShapeProblem {
  const known = Object.keys(schema.properties ?? {});
  const path = [...parent, key];
  if (isSecure(around)) {
    return {
      path: parent,
      part: "value",
      reason: "is encrypted as a whole, so nothing in it can be checked",
      remedy: "encrypt only the secret text inside it, with `pulumi config set --secret --path`",
      isUnusable: true,
    };
  }
  const namespaced = parent.length === 1 ? known.find((name) => name.endsWith(`:${key}`)) : undefined;
  const remedy = namespaced === undefined ? offerNames(key, known, "known keys") : `did you mean ${namespaced}?`;
  return { path, part: "key", reason: `unknown key ${JSON.stringify(key)}`, remedy, isUnusable: true };
}

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  object: "a map (`key: value` lines)",
  array: "a list",
  integer: "a whole number",
  boolean: "true or false",
};

function describeType(
  wanted: string,
  path: Path,
  value: unknown,
  source: string | undefined,
  help: string,
  around: unknown,
): ShapeProblem {
  const problem = { path, part: "value" as const, isUnusable: true };
  const name = typeof path.at(-1) === "string" ? `${String(path.at(-1))}: ` : "";
  const kind = KINDS[wanted] ?? wanted;
  if (isSecure(value) || isSecure(around)) {
    const isWhole = wanted !== "string" || !isSecure(value);
    return {
      ...problem,
      path: isSecure(value) ? path : path.slice(0, -1),
      reason: isWhole
        ? "is encrypted as a whole, so nothing in it can be checked"
        : "is encrypted, but must be readable",
      remedy: isWhole
        ? "encrypt only the secret text inside it, with `pulumi config set --secret --path`"
        : "write it in plain: it is compared, referred to or shown in previews",
    };
  }
  if (wanted === "string" && isPlainScalar(value)) {
    const written = source ?? String(value);
    return {
      ...problem,
      reason: `${written} without quotes is read as ${value === null ? "nothing" : `a ${typeof value}`}, and this must be text`,
      remedy: written === "" || value === null ? help || "write a text" : `put it in quotes: ${name}"${written}"`,
    };
  }
  if (typeof value === "string" && isQuotedScalar(wanted, value)) {
    return {
      ...problem,
      reason: `${show(value)} is text, and must be ${kind}`,
      remedy: `write it without quotes: ${name}${value}`,
    };
  }
  return {
    ...problem,
    reason: `${describeKind(value)}, and must be ${kind}`,
    remedy: `write ${kind}${help === "" ? "" : `: ${help}`}`,
  };
}

function isPlainScalar(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" || value === null;
}

function isQuotedScalar(wanted: string, value: string): boolean {
  if (wanted === "integer") return /^[0-9]+$/.test(value);
  return wanted.startsWith("bool") || wanted.startsWith("true") ? value === "true" || value === "false" : false;
}

function describeKind(value: unknown): string {
  if (value === null || value === undefined) return "is empty";
  if (Array.isArray(value)) return "is a list";
  return typeof value === "object"
    ? "is a map"
    : `${show(value)} is ${typeof value === "string" ? "text" : `a ${typeof value}`}`;
}

/** True for `{ secure: … }`, Pulumi's form of an encrypted value. */
export function isSecure(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === "secure" && typeof (value as { secure: unknown }).secure === "string";
}

/** A value for a message: short, and never an encrypted one. */
export function show(value: unknown): string {
  if (isSecure(value)) return "[encrypted]";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** `/a/0/b~1c` as steps; list indices become numbers. */
function toPath(pointer: string, root: unknown): Path {
  const path: (string | number)[] = [];
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(Array.isArray(getAt(root, path)) ? Number(name) : name);
  }
  return path;
}
