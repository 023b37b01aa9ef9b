import type { Problem, Props } from "./resource.js";

/** Small checks that say what was given; each adds to the list and goes on. */
export function checkOneOf(problems: Problem[], props: Props, path: string, allowed: readonly string[]): void {
  const value = props[path];
  if (typeof value !== "string" || !allowed.includes(value)) {
    problems.push({
      path,
      reason: `must be ${allowed.map((word) => JSON.stringify(word)).join(" or ")}, got ${show(value)}`,
    });
  }
}

export function checkAbsolutePath(problems: Problem[], path: string, value: unknown): void {
  if (typeof value !== "string" || !/^\/[^\n]*$/.test(value) || /(^|\/)\.\.?(\/|$)/.test(value)) {
    problems.push({ path, reason: `must be an absolute path without "." and "..", got ${show(value)}` });
  }
}

export function checkPattern(problems: Problem[], path: string, value: unknown, pattern: RegExp, what: string): void {
  if (typeof value !== "string" || !pattern.test(value))
    problems.push({ path, reason: `must be ${what}, got ${show(value)}` });
}

export function checkInteger(problems: Problem[], path: string, value: unknown, min: number, max: number): void {
  if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) {
    problems.push({ path, reason: `must be a whole number from ${min} to ${max}, got ${show(value)}` });
  }
}

export function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
