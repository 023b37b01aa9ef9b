import { listWritable, type SandboxRules } from "./profile.js";

/**
 * Why a step may have failed at our sandbox, from the end of its output; undefined when nothing hints at it. macOS
 * tells the refused path to its kernel log only: the command's own words are all there is.
 */
export function explainRefusal(output: string, rules: SandboxRules): string | undefined {
  if (
    !/operation not permitted|permission denied|read-only file system|sandbox_apply|could not resolve host|network is unreachable/i.test(
      output,
    )
  )
    return undefined;
  const network = rules.network === "deny" ? "the network is denied but for this Mac itself" : "the network is allowed";
  const nesting = /sandbox_apply/.test(output)
    ? " A command tried a sandbox of its own, which macOS refuses inside ours: run opam with --disable-sandboxing and brew with HOMEBREW_AVOID_NESTED_SANDBOXING=1."
    : "";
  return `The builder's sandbox allows writing only below ${listWritable(rules).join(", ")}; ${network}.${nesting}`;
}
