import { isMacfoundryError, MacfoundryError } from "../../host/errors.js";
import { openHost } from "../hosts/open.js";
import { UsageError } from "../spec/options.js";
import { readBuildOptions, USAGE } from "./options.js";
import { runBuild } from "./run.js";
import { SpecRefused } from "./spec-file.js";

/** Exit codes of OBuilder's command line, so that its callers need not be told of another one. */
const EXIT_BUILD_FAILED = 1;
const EXIT_USAGE = 124;
const EXIT_NOT_BUILT = 125;

/**
 * `macfoundry build …`. Exit: 0; 1 for a step that failed, a cancelled build and a refused spec; 124 for a wrong command
 * line; 125 when the build could not be tried or finished (the Mac, the store, a base).
 */
export async function run(argv: string[]): Promise<number> {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const cancel = new AbortController();
  const onSignal = (): void => {
    // The second one is for somebody who cannot wait: the job on the Mac goes on, and the next build attaches to it.
    if (cancel.signal.aborted) process.exit(130);
    process.stderr.write("macfoundry: cancelling (once more to leave without waiting)\n");
    cancel.abort(
      new MacfoundryError({ code: "CANCELLED", cause: "interrupted", remedy: "run again when you want it" }),
    );
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    const options = readBuildOptions(argv);
    const host = openHost(options.words, process.env);
    try {
      await runBuild(host, options, cancel.signal);
    } finally {
      await host.close();
    }
    return 0;
  } catch (error) {
    return tell(error, cancel.signal.aborted);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

function tell(error: unknown, isCancelled: boolean): number {
  if (error instanceof UsageError) {
    process.stderr.write(`macfoundry build: ${error.message}\n${USAGE}`);
    return EXIT_USAGE;
  }
  if (error instanceof SpecRefused) {
    error.report();
    return EXIT_BUILD_FAILED;
  }
  if (isCancelled || isMacfoundryError(error, "CANCELLED")) {
    // What kept the cancelling itself from its end is told too: something may still be running.
    const trouble = isMacfoundryError(error) && error.code !== "CANCELLED" ? `${error.message}\n` : "";
    process.stderr.write(`Cancelled at user's request\n${trouble}`);
    return EXIT_BUILD_FAILED;
  }
  if (!(error instanceof MacfoundryError)) throw error;
  const isStep = error.code === "STEP_FAILED";
  process.stderr.write(`${isStep ? "Build step failed: " : ""}${error.message}\n`);
  return isStep || error.code === "SPEC_INVALID" ? EXIT_BUILD_FAILED : EXIT_NOT_BUILT;
}
