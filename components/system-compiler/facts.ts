import { MANAGED_DIR } from "../../host/managed.js";
import type { FactSource } from "../resource.js";
import type { CompilerFact } from "./types.js";

/**
 * Every compiler of ours is asked by `nobody`: an adopted prefix may belong to somebody whose programs root must not
 * run. The prefix is read out of the record's JSON, whose strings we write without escapes (checked: no quotes in paths).
 */
const SCRIPT = `
for record in ${MANAGED_DIR}/system-compiler/*; do
  [ -f "$record" ] || continue
  line=$(cat "$record")
  prefix=$(printf '%s\\n' "$line" | sed -n 's/.*"prefix":"\\([^"]*\\)".*/\\1/p')
  installed=$(cd / && sudo -n -u nobody "$prefix/bin/ocamlc" -version 2>/dev/null) || installed=absent
  printf '%s\\t%s\\t%s\\n' "$(basename "$record")" "$installed" "$line"
done
`;

export const compilerFacts: FactSource<CompilerFact[]> = { name: "compilers", script: SCRIPT, parse: parseCompilers };

function parseCompilers(text: string): CompilerFact[] {
  return text.split("\n").flatMap((line) => {
    const [version = "", installed = "absent", json = ""] = line.split("\t");
    const record = parseRecord(json);
    return record === undefined ? [] : [{ version, installed, ...record }];
  });
}

/** A record that was altered by hand says nothing: the compiler then counts as not ours and is installed again. */
function parseRecord(json: string): Pick<CompilerFact, "prefix" | "sourceSha256" | "configureArgs"> | undefined {
  try {
    const value = JSON.parse(json) as Record<string, unknown>;
    const { prefix, sourceSha256, configureArgs } = value;
    if (typeof prefix !== "string" || !Array.isArray(configureArgs)) return undefined;
    return {
      prefix,
      sourceSha256: typeof sourceSha256 === "string" ? sourceSha256 : undefined,
      configureArgs: configureArgs.map(String),
    };
  } catch {
    return undefined;
  }
}
