// What the four types of @pulumi/command 1.2.1 do when they are made, changed and removed.
import * as fs from "node:fs";
import * as path from "node:path";
import { quoteGo, runProcess } from "./run.mjs";
import { runRemote } from "./ssh.mjs";

export const TYPES = new Set(["command:local:Command", "command:remote:Command", "command:remote:CopyToRemote"]);
const COPY = "command:remote:CopyToRemote";

/**
 * @param {{ type: string, inputs: Record<string, any>, action: "create" | "update" | "delete", olds?: Record<string, any>, onLine: (line: string) => void }} options
 * inputs, olds: plain
 * @returns {Promise<{ stdout: string, stderr: string } | undefined>} undefined when the type has no outputs
 */
export async function perform({ type, inputs, action, olds, onLine }) {
  if (type === COPY) {
    if (action !== "delete") await copyToRemote(inputs);
    return undefined;
  }
  const command = action === "update" ? (inputs.update ?? inputs.create) : inputs[action];
  if (command === undefined) return { stdout: olds?.stdout ?? "", stderr: olds?.stderr ?? "" };
  return runCommand(type, inputs, command, olds, onLine);
}

export async function runCommand(type, inputs, command, olds, onLine) {
  for (const name of ["assetPaths", "archivePaths"]) {
    if (inputs[name] !== undefined)
      throw new Error(`the stand-in for the command plugin knows no ${name}: install the real plugin`);
  }
  const options = {
    stdin: inputs.stdin,
    env: { ...inputs.environment, ...describePrevious(inputs, olds) },
    onLine: (line, stream) => {
      if (shouldLog(inputs.logging, stream) && line !== "") onLine(line);
    },
  };
  const result =
    type === "command:remote:Command"
      ? await runRemote(inputs.connection, command, options)
      : await runProcess([...(inputs.interpreter?.length > 0 ? inputs.interpreter : ["/bin/sh", "-c"]), command], {
          ...options,
          dir: inputs.dir,
        });
  if (result.status !== undefined) throw new Error(`${result.status}: running ${quoteGo(command)}:\n${result.both}`);
  return { stdout: result.stdout.replace(/\n$/, ""), stderr: result.stderr.replace(/\n$/, "") };
}

function describePrevious(inputs, olds) {
  if (olds === undefined || inputs.addPreviousOutputInEnv === false) return {};
  const previous = {};
  if (olds.stdout) previous.PULUMI_COMMAND_STDOUT = olds.stdout;
  if (olds.stderr) previous.PULUMI_COMMAND_STDERR = olds.stderr;
  return previous;
}

const shouldLog = (logging, stream) => logging === undefined || logging === "stdoutAndStderr" || logging === stream;

const quoteWord = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A file or text to a path, or into the folder that is there; a folder under the path, its contents alone when named with a slash. */
async function copyToRemote({ connection, source, remotePath }) {
  const target = quoteWord(remotePath);
  if (typeof source?.text === "string")
    return send(connection, `cat > ${target}`, Buffer.from(source.text), remotePath);
  if (typeof source?.path !== "string") throw new Error("source must be a file, a folder or a text");
  if (!fs.statSync(source.path).isDirectory()) {
    const inside = quoteWord(`/${path.basename(source.path)}`);
    const script = `t=${target}; if [ -d "$t" ]; then t="$t"${inside}; fi; cat > "$t"`;
    return send(connection, script, fs.readFileSync(source.path), remotePath);
  }
  const into = source.path.endsWith("/") ? remotePath : path.posix.join(remotePath, path.basename(source.path));
  const packed = await packFolder(source.path);
  return send(connection, `mkdir -p ${quoteWord(into)} && tar -xf - -C ${quoteWord(into)}`, packed, remotePath);
}

async function packFolder(folder) {
  const { execFile } = await import("node:child_process");
  const options = { encoding: "buffer", maxBuffer: 1 << 30, env: { ...process.env, COPYFILE_DISABLE: "1" } };
  return new Promise((resolve, reject) => {
    execFile("tar", ["-cf", "-", "-C", folder, "."], options, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}

async function send(connection, script, stdin, remotePath) {
  const result = await runRemote(connection, script, { stdin });
  if (result.status !== undefined)
    throw new Error(`failed to copy to remote path ${remotePath}: ${result.status}: ${result.both.trim()}`);
}
