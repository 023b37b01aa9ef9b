// `npm test`: set-up and every check, one after the other (two cores), a table of minutes, and one last line of counts.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ROOT } from "./build.mjs";
import { forwardSignals, runCommand } from "./lib/run.mjs";
import { listParts, tail } from "./test/parts.mjs";

const USAGE = "usage: npm test [-- --long] [--only PART,PART]";
const MAX_DETAILS = 20_000;

function readArguments(argv) {
  const options = { isLong: false, only: undefined };
  for (let i = 0; i < argv.length; i += 1) {
    if (argv[i] === "--long") options.isLong = true;
    else if (argv[i] === "--only" && argv[i + 1] !== undefined) options.only = new Set(argv[++i].split(","));
    else return undefined;
  }
  return options;
}

async function runPart(part, folder) {
  const log = path.join(folder, `${part.name}.log`);
  const stream = fs.createWriteStream(log);
  const started = Date.now();
  const onLine = (line) => {
    stream.write(`${line}\n`);
    if (part.isVital) process.stdout.write(`  ${line}\n`);
  };
  const env = { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" };
  const result = await runCommand(part.command, part.args, { cwd: ROOT, env, onLine, timeoutMs: part.timeoutMs });
  await new Promise((resolve) => stream.end(resolve));
  const counts = part.count(result.code, result.output);
  if (result.timedOut) counts.failed = Math.max(1, counts.failed);
  const minutes = (Date.now() - started) / 60_000;
  const why = result.timedOut ? `stopped after ${Math.round(part.timeoutMs / 60_000)} minutes` : undefined;
  return { ...counts, name: part.name, minutes, log, why, output: result.output };
}

function showFailure(result) {
  const text = result.details.trim() === "" ? tail(result.output) : result.details;
  const cut = text.length > MAX_DETAILS ? `${text.slice(0, MAX_DETAILS)}\n[cut; the whole is in the log]` : text;
  process.stdout.write(`\n---- ${result.name} failed${result.why === undefined ? "" : `: ${result.why}`}\n${cut}\n`);
  process.stdout.write(`---- whole output of ${result.name}: ${result.log}\n\n`);
}

function renderTable(results) {
  const rows = results.map(({ name, minutes, passed, failed, skipped }) => [
    name,
    minutes.toFixed(1),
    passed,
    failed,
    skipped,
  ]);
  const total = results.reduce((sum, { minutes }) => sum + minutes, 0);
  const lines = [["part", "minutes", "passed", "failed", "skipped"], ...rows, ["all", total.toFixed(1), "", "", ""]];
  return lines
    .map(([first, ...rest]) => first.padEnd(8) + rest.map((cell) => String(cell).padStart(9)).join(""))
    .join("\n");
}

async function main(argv) {
  const options = readArguments(argv);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "macfoundry-test-"));
  const parts = listParts(ROOT, folder);
  const names = new Set(parts.map(({ name }) => name));
  if (options === undefined || [...(options.only ?? [])].some((name) => !names.has(name))) {
    process.stderr.write(`${USAGE}\nparts: ${[...names].join(", ")}\n`);
    fs.rmSync(folder, { recursive: true, force: true });
    return 2;
  }
  forwardSignals();
  const chosen = parts.filter(({ name, isLong }) => options.only?.has(name) ?? (!isLong || options.isLong));
  const results = [];
  for (const part of chosen) {
    process.stdout.write(`${part.name} ...\n`);
    const result = await runPart(part, folder);
    results.push(result);
    const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
    process.stdout.write(
      `${part.name}: ${result.passed} passed, ${result.failed} failed${skipped} in ${result.minutes.toFixed(1)} min\n`,
    );
    if (result.failed > 0) showFailure(result);
    if (result.failed > 0 && part.isVital) break;
  }
  const sum = (name) => results.reduce((total, result) => total + result[name], 0);
  process.stdout.write(`\n${renderTable(results)}\n\n`);
  const [failed, skipped] = [sum("failed"), sum("skipped")];
  if (failed === 0) fs.rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`${sum("passed")} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return failed === 0 ? 0 : 1;
}

process.exit(await main(process.argv.slice(2)));
