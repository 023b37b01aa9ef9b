import * as fs from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";

export interface Project {
  folder: string;
  name: string;
  backend: string | undefined;
}

/** The project that Pulumi would use from `cwd`: the nearest Pulumi.yaml, upwards. */
export function findProject(cwd: string): Project | undefined {
  for (let folder = path.resolve(cwd); ; folder = path.dirname(folder)) {
    for (const name of ["Pulumi.yaml", "Pulumi.yml"]) {
      const file = path.join(folder, name);
      if (fs.existsSync(file)) return readProject(folder, file);
    }
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** What is wrong with the file is for Pulumi to say. */
function readProject(folder: string, file: string): Project | undefined {
  let value: unknown;
  try {
    value = parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
  const name = getText(value, "name");
  if (name === undefined) return undefined;
  return { folder, name, backend: getText(getItem(value, "backend"), "url") };
}

/** The stack chosen with `pulumi stack select`, from the workspace files in PULUMI_HOME. */
export function findSelectedStack(pulumiHome: string, project: Project, backendUrl: string): string | undefined {
  const folder = path.join(pulumiHome, "workspaces");
  for (const name of readNames(folder).filter((file) => file.startsWith(`${project.name}-`))) {
    const value = readJson(path.join(folder, name));
    const stack = getText(getItem(value, "stacks"), backendUrl) ?? getText(value, "stack");
    if (stack !== undefined) return shortenStack(stack);
  }
  return undefined;
}

/** `organization/fleet/intel` and `intel` are the same stack in a file backend. */
export function shortenStack(stack: string): string {
  return stack.split("/").at(-1) ?? stack;
}

/** The backend in credentials.json that `pulumi login` made current. */
export function findLogin(folder: string): string | undefined {
  const current = getText(readJson(path.join(folder, "credentials.json")), "current");
  return current === "" ? undefined : current;
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function getItem(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function getText(value: unknown, name: string): string | undefined {
  const item = getItem(value, name);
  return typeof item === "string" ? item : undefined;
}
