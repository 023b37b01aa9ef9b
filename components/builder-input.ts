import { checkAbsolutePath, checkInteger, checkPattern, show } from "./checks.js";
import type { Problem, Props } from "./resource.js";

/** The builder as stores and images take it: a user of the Mac with a home and, as a rule, a prefix. */
export function checkBuilder(problems: Problem[], value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null) {
    problems.push({ path: "builder", reason: `must be a builder, got ${show(value)}` });
    return;
  }
  const builder = value as Props;
  if (builder["name"] !== undefined)
    checkPattern(problems, "builder.name", builder["name"], /^[a-z_][a-z0-9_-]{0,30}$/, "an account name");
  if (builder["uid"] !== undefined) checkInteger(problems, "builder.uid", builder["uid"], 502, 2 ** 31 - 2);
  if (builder["gid"] !== undefined) checkInteger(problems, "builder.gid", builder["gid"], 0, 2 ** 31 - 2);
  if (builder["home"] !== undefined) checkAbsolutePath(problems, "builder.home", builder["home"]);
  if (builder["prefix"] !== undefined) checkAbsolutePath(problems, "builder.prefix", builder["prefix"]);
}
