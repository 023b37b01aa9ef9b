/** To stderr: stdout is Pulumi's. */
export function say(text: string): void {
  process.stderr.write(`macfoundry: ${text}\n`);
}
