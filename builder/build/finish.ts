import { STATE_DIR } from "../../host/host.js";
import { locateJob } from "../../host/jobs/plist.js";
import { renderCollectAll } from "../../host/jobs/scripts.js";
import { sh } from "../../host/quote.js";
import type { JobLock } from "../../host/jobs/jobs.js";
import type { StepId } from "../ids/index.js";
import { touchRowsSql } from "../store/database.js";
import { renderRelease } from "../store/lock.js";
import { renderVariables, STORE_SHELL } from "../store/shell.js";
import { BUILD_SHELL } from "./shell.js";
import type { JobContext } from "./step-script.js";

export interface Finish {
  lock: JobLock;
  hits: readonly { id: StepId; parent: StepId | undefined }[];
  ended: readonly string[];
  isTidying: boolean;
  isFailed: boolean;
}

/** The end of a build, in one exec: what was used counts as used, ended jobs and leftovers go, the lock is let go. */
export function renderFinishScript(context: JobContext, finish: Finish): string {
  const touch = touchRowsSql(finish.hits);
  return [
    renderVariables(context.store, context.builder),
    sh`tmp_dir=${context.tmpDir}\n`,
    STORE_SHELL,
    BUILD_SHELL,
    sh`[ "$(sed -n 1p ${finish.lock.path} 2>/dev/null)" = ${finish.lock.token} ] || exit 0\n`,
    touch === "" ? "" : sh`printf '%s\n' ${touch} | sql >/dev/null\n`,
    renderCollectAll(finish.ended.map((id) => locateJob(STATE_DIR, id))),
    finish.isFailed ? 'for leftover in "$store"/result-tmp/* "$store"/cache-tmp/*; do discard "$leftover"; done\n' : "",
    finish.isTidying ? "tidy\n" : "",
    "empty_trash\n",
    renderRelease(finish.lock),
  ].join("");
}
