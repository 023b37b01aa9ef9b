/** What a builder's steps may touch; every path absolute. */
export interface SandboxRules {
  home: string;
  /** Undefined when the builder has no prefix of its own. */
  prefix?: string | undefined;
  /** As `getconf DARWIN_USER_TEMP_DIR` gives it. */
  tmpDir: string;
  network: "allow" | "deny";
}

/**
 * The sandbox-exec profile of a builder's steps (docs/builds.md, "The sandbox"). Reading is free: macOS keeps no
 * secrets in world-readable files, and homes and stores are 0700. The kernel sees real paths, so each folder below
 * /var, /tmp or /etc stands in both forms (Homebrew's own profile does the same). Between filtered rules the later one
 * wins; an unfiltered one is only the fallback.
 */
export function renderSandboxProfile(rules: SandboxRules): string {
  const writable = listWritable(rules);
  const lines = [
    "(version 1)",
    "(allow default)",
    "(deny file-write*)",
    "(allow file-write*",
    ...writable.flatMap(bothForms).map((path) => `  (subpath ${quote(path)})`),
    '  (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx") (literal "/dev/dtracehelper")',
    '  (regex #"^/dev/fd/") (regex #"^/dev/ttys[0-9]+$"))',
    // ps is setuid on a Mac, and configure scripts call it; Homebrew's and Bazel's profiles exempt it the same way.
    '(allow process-exec (literal "/bin/ps") (with no-sandbox))',
  ];
  if (rules.network === "deny") {
    // Loopback stays: test suites talk to servers of their own.
    lines.push(
      "(deny network*)",
      '(allow network* (remote ip "localhost:*"))',
      '(allow network-inbound (local ip "localhost:*"))',
      "(allow network* (remote unix-socket))",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The folders below which writing is allowed, in the words an operator knows. */
export function listWritable(rules: SandboxRules): string[] {
  const cache = rules.tmpDir.replace(/\/T\/?$/, "/C");
  const folders = [rules.home, rules.prefix, trimSlash(rules.tmpDir), cache === rules.tmpDir ? undefined : cache];
  return folders.filter((path) => path !== undefined);
}

function bothForms(path: string): string[] {
  if (/^\/(var|tmp|etc)(\/|$)/.test(path)) return [path, `/private${path}`];
  const match = /^\/private(\/(?:var|tmp|etc)(?:\/.*)?)$/.exec(path);
  return match?.[1] === undefined ? [path] : [match[1], path];
}

function trimSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
