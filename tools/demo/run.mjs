// Runs Pulumi through the launcher, as a person would, and keeps what took how long.
import * as path from "node:path";
import { ROOT } from "../build.mjs";
import { runCommand } from "../lib/run.mjs";
import { stackFile } from "./project.mjs";

const COMMAND_TIMEOUT_MS = 10 * 60_000;

export class DemoFailed extends Error {}

export class Stage {
  constructor(project) {
    this.project = project;
    this.rows = [];
  }

  say(line = "") {
    process.stdout.write(`${line}\n`);
  }

  heading(text) {
    this.say(`\n=== ${text}`);
  }

  /** Times a part of the demo. */
  async time(what, task) {
    const started = Date.now();
    const result = await task();
    this.rows.push([what, (Date.now() - started) / 1000]);
    return result;
  }

  /**
   * @param {string} stack
   * @param {string[]} words of `macfoundry pulumi`
   * @param {{ expected: number, isQuiet?: boolean, what?: string }} options `expected`: the exit code that belongs to this point of the story
   */
  async pulumi(stack, words, { expected, isQuiet = false, what }) {
    const launcher = path.join(ROOT, "bin", "macfoundry");
    const args = [launcher, "pulumi", ...words, "--cwd", this.project.folder, "--stack", stack];
    const env = {
      ...process.env,
      PULUMI_BACKEND_URL: `file://${path.join(this.project.folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "demo",
      MACFOUNDRY_STACK_FILE: stackFile(this.project, stack),
      NO_COLOR: "1",
    };
    this.say(`$ macfoundry pulumi ${words.join(" ")} --stack ${stack}`);
    const onLine = (line) => (isQuiet ? undefined : this.say(`  ${line}`));
    const run = () => runCommand(process.execPath, args, { cwd: ROOT, env, onLine, timeoutMs: COMMAND_TIMEOUT_MS });
    const result = await (what === undefined ? run() : this.time(`${what} (${stack})`, run));
    if (result.code === expected) return result.output;
    if (isQuiet) this.say(result.output);
    throw new DemoFailed(`\`pulumi ${words.join(" ")}\` of ${stack} ended with ${result.code}, expected ${expected}`);
  }

  table() {
    const width = Math.max(...this.rows.map(([what]) => what.length));
    this.heading("What took how long");
    for (const [what, seconds] of this.rows) this.say(`${what.padEnd(width)}  ${seconds.toFixed(1).padStart(6)} s`);
  }
}
