import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { toText, type Op, type Spec } from "../../../builder/spec/index.js";

/** A user id that nobody has; as root, steps run as that user, else as whoever runs the tests. */
const BUILDER_UID = 61_705;

export interface StepResult {
  code: number;
  output: string;
}

/**
 * An account, its home and a prefix on this machine, thrown away afterwards: enough to run an image's steps with
 * OBuilder's command line for macOS, as an unprivileged user. What only a Mac has is not here: `su`, the sandbox.
 */
export class LocalBuilder {
  readonly root = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-ocaml-"));
  readonly home = path.join(this.root, "Users/builder");
  readonly prefix: string;
  readonly compilerPrefix = path.join(this.root, "compiler");
  private readonly temp = path.join(this.root, "T");
  private env: string[] = [];

  constructor(prefixName: string) {
    this.prefix = path.join(this.root, prefixName);
    fs.chmodSync(this.root, 0o755);
    for (const folder of [this.home, this.prefix, this.temp]) {
      fs.mkdirSync(folder, { recursive: true });
      if (isRoot()) fs.chownSync(folder, BUILDER_UID, BUILDER_UID);
    }
    // The compiler lies outside of home and prefix, and is not the builder's. CLT's git is this machine's.
    const tools = path.join(this.root, "CommandLineTools/usr/bin");
    for (const folder of [path.join(this.compilerPrefix, "bin"), tools]) fs.mkdirSync(folder, { recursive: true });
    for (const name of ["ocaml", "ocamlc", "ocamlopt", "ocamlrun", "ocamldep"]) {
      if (fs.existsSync(`/usr/bin/${name}`))
        fs.symlinkSync(`/usr/bin/${name}`, path.join(this.compilerPrefix, "bin", name));
    }
    fs.symlinkSync("/usr/bin/git", path.join(tools, "git"));
  }

  /** Runs all ops in order; stops at the first that fails. */
  build(spec: Spec, context: string): StepResult {
    let words: string[] = ["/usr/bin/env", "bash", "-c"];
    let output = "";
    this.env = [];
    for (const op of spec.ops) {
      if (op.op === "shell") words = op.args.map(toText);
      if (op.op === "env") this.env.unshift(`${toText(op.name)}=${toText(op.value)}`);
      if (op.op === "copy") this.copy(op, context);
      if (op.op !== "run") continue;
      const result = this.run(toText(op.shell), words);
      output += result.output;
      if (result.code !== 0) return { code: result.code, output };
    }
    return { code: 0, output };
  }

  /** One step as OBuilder starts it on macOS, from the home. */
  run(command: string, shell: readonly string[] = ["/bin/bash", "-c"], asRoot = false): StepResult {
    const hasProfile = fs.existsSync(path.join(this.home, ".obuilder_profile.sh"));
    const source = hasProfile ? "source ~/.obuilder_profile.sh && " : "";
    const user =
      isRoot() && !asRoot ? ["setpriv", `--reuid=${BUILDER_UID}`, `--regid=${BUILDER_UID}`, "--clear-groups"] : [];
    const pairs = [`TMPDIR=${this.temp}`, ...this.env].map((pair) => `'${pair.replaceAll("'", `'\\''`)}'`).join(" ");
    const login = ["/bin/bash", "-l", "-c", `${source}env ${pairs} "$0" "$@"`, ...shell, command];
    const [program = "", ...rest] = [...user, ...login];
    const result = spawnSync(program, rest, {
      cwd: this.home,
      encoding: "utf8",
      env: {
        HOME: this.home,
        SHELL: "/bin/bash",
        PATH: "/usr/bin:/bin",
        USER: "builder",
        // What the profile asks a Mac for, and Linux has not.
        HOMEBREW_TEMP: this.temp,
        DEVELOPER_DIR: path.join(this.root, "CommandLineTools"),
      },
    });
    return { code: result.status ?? 128, output: result.stdout + result.stderr };
  }

  remove(): void {
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  /** An absolute destination means the same path below the home. */
  private copy(op: Extract<Op, { op: "copy" }>, context: string): void {
    const target = path.join(this.home, toText(op.dst));
    fs.mkdirSync(target, { recursive: true });
    for (const name of op.src.map(toText)) fs.cpSync(path.join(context, name), path.join(target, name));
    if (isRoot()) execFileSync("chown", ["-R", `${BUILDER_UID}:${BUILDER_UID}`, this.home]);
  }
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Version of this machine's OCaml, the test's system compiler. */
export function hostOcamlVersion(): string {
  return execFileSync("ocamlc", ["-version"], { encoding: "utf8" }).trim();
}
