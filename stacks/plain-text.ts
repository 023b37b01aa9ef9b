import type { Text } from "./config/types.js";
import { isSecret } from "./config/types.js";

/** The stack's configuration as Pulumi gives it to the program: key to text, encrypted values in plain. */
export type LiveConfig = Readonly<Record<string, string>>;

/** The plain value of a text of the stack file. What comes from `secure:` must not get into an error, a log or an output. */
export function readText(text: Text, live: LiveConfig): string {
  if (!isSecret(text)) return text;
  const [key = "", ...path] = text.secretPath;
  let value: unknown = live[String(key)];
  if (path.length > 0) value = JSON.parse(typeof value === "string" ? value : "null");
  for (const step of path) value = (value as Record<string | number, unknown> | undefined)?.[step];
  if (typeof value === "string") return value;
  throw new Error(`Pulumi gives no text at ${text.secretPath.join(".")}`);
}
