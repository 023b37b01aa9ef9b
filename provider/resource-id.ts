/** `<host>/<folder>/<name>`: what `pulumi import` takes, and all that a read needs to know. */
export interface ResourceId {
  host: string;
  folder: string;
  name: string;
}

/** Name of a resource of which a Mac has one. */
export const ONLY_ONE = "main";

export function formatId(id: ResourceId): string {
  return `${id.host}/${id.folder}/${id.name}`;
}

export function parseId(text: string): ResourceId | undefined {
  const match = /^([^/]+)\/([^/]+)\/(.+)$/.exec(text);
  if (match === null) return undefined;
  const [, host = "", folder = "", name = ""] = match;
  return { host, folder, name };
}
