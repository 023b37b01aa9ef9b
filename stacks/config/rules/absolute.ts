/** Why `path` will not do as a place on a Mac, or undefined. */
export function findPathFault(path: string): string | undefined {
  if (!path.startsWith("/")) return `${JSON.stringify(path)} is not an absolute path`;
  if (path === "/") return "/ is the whole Mac";
  if (path.length > 1 && path.endsWith("/")) return `${JSON.stringify(path)} ends in a slash`;
  if (
    path
      .split("/")
      .slice(1)
      .some((part) => part === "" || part === "." || part === "..")
  ) {
    return `${JSON.stringify(path)} is not in its shortest form`;
  }
  // Shell profiles, sandbox profiles and PATH carry these paths.
  if (/[^A-Za-z0-9/._@+-]/.test(path))
    return `${JSON.stringify(path)} holds a character other than A-Z a-z 0-9 / . _ @ + -`;
  return undefined;
}

/** True when `inner` is `outer` or lies below it; a Mac's volumes ignore case. */
export function isWithin(inner: string, outer: string): boolean {
  return `${inner.toLowerCase()}/`.startsWith(`${outer.toLowerCase()}/`);
}
