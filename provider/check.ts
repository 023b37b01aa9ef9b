import type { Problem, Props } from "../components/resource.js";
import type { AnyResource } from "./registry.js";
import { dropUnknown, isAtOrBelow, listUnknownPaths } from "./values.js";

/** What `status` says of a resource that was looked at and is finished; an input of every resource, so that preview prints it. */
export const CONVERGED = "converged";

/** All problems of a resource's inputs at once; nothing is asked of any Mac. */
export function checkInputs(resource: AnyResource, news: Props, hostNames: readonly string[]): Problem[] {
  const unknown = listUnknownPaths(news);
  const props = dropUnknown(news) as Props;
  const problems = [...checkCommon(props, hostNames), ...resource.check(props)];
  return problems.filter(({ path }) => !unknown.some((place) => isAtOrBelow(path, place)));
}

function checkCommon(props: Props, hostNames: readonly string[]): Problem[] {
  const { host, name, observe } = props;
  const problems: Problem[] = [];
  if (typeof host !== "string" || host === "")
    problems.push({ path: "host", reason: `must be a Mac's name, got ${show(host)}` });
  else if (/[/\s]/.test(host))
    problems.push({ path: "host", reason: `must have no slash or blank, got ${show(host)}` });
  else if (hostNames.length > 0 && !hostNames.includes(host)) {
    problems.push({ path: "host", reason: `${show(host)} is not in macfoundry:hosts (${hostNames.join(", ")})` });
  }
  if (name !== undefined && (typeof name !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))) {
    problems.push({ path: "name", reason: `must be letters, digits, dots, dashes, got ${show(name)}` });
  }
  if (observe !== undefined && typeof observe !== "boolean")
    problems.push({ path: "observe", reason: `must be true or false, got ${show(observe)}` });
  return problems;
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

/** The inputs as they go into the state. */
export function completeInputs(resource: AnyResource, news: Props): Props {
  const isKnown = listUnknownPaths(news).length === 0;
  return { ...(isKnown ? (resource.complete?.(news) ?? news) : news), status: CONVERGED };
}
