import type { Change, Props } from "../components/resource.js";
import { CONVERGED } from "./check.js";
import type { AnyResource } from "./registry.js";
import { UNKNOWN, dropUnknown, isEqual, listUnknownPaths } from "./values.js";

export type DiffKind = "add" | "update" | "delete" | "replace";

export interface DiffEntry {
  kind: DiffKind;
  /** True when the old value to show is the input's, not the Mac's. */
  isInput: boolean;
}

export interface Diff {
  entries: Map<string, DiffEntry>;
  /** What only a person can change: warned of, and an error in a real update. */
  human: Change[];
}

/** Compares the Mac as last seen (`olds`) with what is wanted (`news`). Asks no Mac: the engine calls this one by one. */
export function diffResource(resource: AnyResource, olds: Props, news: Props, oldInputs: Props): Diff {
  const entries = new Map<string, DiffEntry>();
  if (olds["host"] !== news["host"]) entries.set("host", { kind: "replace", isInput: true });
  if ((olds["name"] ?? "") !== (news["name"] ?? "")) entries.set("name", { kind: "replace", isInput: true });
  for (const path of listUnknownPaths(news)) entries.set(path, { kind: "update", isInput: true });
  if (olds["status"] !== CONVERGED) entries.set("status", { kind: "update", isInput: false });
  const changes = resource.plan(observedIn(olds), dropUnknown(news) as Props);
  for (const change of changes) {
    if (news[topName(change.path)] === UNKNOWN) continue;
    entries.set(change.path, { kind: kindOf(change), isInput: false });
  }
  for (const key of listChangedInputs(resource, oldInputs, news)) {
    if (![...entries.keys()].some((path) => topName(path) === key)) entries.set(key, { kind: "update", isInput: true });
  }
  return { entries, human: changes.filter((change) => change.human !== undefined) };
}

/** What is in every resource's outputs beside what was seen of the Mac. */
const COMMON = ["host", "name", "observe", "status"];

/** The Mac as last seen by outputs of the state; undefined when it never was (there is nothing, or nobody could look). */
export function observedIn(outputs: Props): Props | undefined {
  return Object.keys(outputs).some((key) => !COMMON.includes(key)) ? outputs : undefined;
}

/** Inputs that changed, whether or not the Mac needs anything for it; where things lie on the controller does not count. */
export function listChangedInputs(resource: AnyResource, oldInputs: Props, news: Props): string[] {
  return [...new Set([...Object.keys(oldInputs), ...Object.keys(news)])].filter(
    (key) => !isEqual(oldInputs[key], news[key]) && resource.controllerInputs?.includes(key) !== true,
  );
}

function kindOf({ live, desired }: Change): DiffKind {
  if (live === undefined || live === null) return "add";
  return desired === undefined || desired === null ? "delete" : "update";
}

function topName(path: string): string {
  return path.split(/[.[]/)[0] ?? path;
}

/** `shell: "/bin/zsh" => "/bin/bash"`: one line for a person. */
export function renderChange({ path, live, desired }: Change): string {
  return `${path}: ${show(live)} => ${show(desired)}`;
}

function show(value: unknown): string {
  return value === undefined || value === null ? "(absent)" : JSON.stringify(value);
}
