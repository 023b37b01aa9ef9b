import { formatKib, formatSeconds } from "../format.js";
import type { MacStatus, RunningJob } from "./facts.js";

export type HostStatus =
  | { name: string; reachable: true; status: MacStatus }
  | { name: string; reachable: false; code: string; reason: string };

export function renderHost(host: HostStatus): string {
  if (!host.reachable) return `${host.name}: ${host.code}: ${host.reason}\n`;
  const { status } = host;
  const lines = [
    `${host.name}: ${status.macos === undefined ? status.system : `macOS ${status.macos}`}, ${status.arch}, up ${
      status.upSeconds === undefined ? "?" : formatSeconds(status.upSeconds)
    }, boot session ${status.bootSession}`,
    `  load ${status.load.map((load) => load.toFixed(2)).join(" ")}${status.cpuCount === undefined ? "" : ` on ${status.cpuCount} cores`}${renderData(status)}`,
  ];
  if (status.isChanging) lines.push("  a change is being made: another run holds the Mac's lock");
  for (const { uid, who, ageSeconds, isAlive } of status.builds)
    lines.push(
      isAlive
        ? `  builder ${uid} is held by ${who}`
        : `  builder ${uid} was held by ${who}, who is gone since ${formatSeconds(ageSeconds)}: the next build takes over`,
    );
  lines.push(...status.jobs.map((job) => `  ${renderJob(job)}`));
  for (const { uid, processes } of status.quarantines)
    lines.push(`  builder ${uid} is quarantined, these could not be ended: ${processes.join("; ")}`);
  for (const { root, builder, resultCount } of status.stores)
    lines.push(`  store ${root} of ${builder ?? "another program"}: ${resultCount} results`);
  if (status.jobs.every(({ state }) => state !== "running")) lines.push("  nothing is running");
  return `${lines.join("\n")}\n`;
}

function renderData({ data }: MacStatus): string {
  if (data === undefined) return "";
  const percent = (100 * data.freeKib) / (data.usedKib + data.freeKib);
  return `; ${formatKib(data.freeKib)} free on ${data.path} (${percent.toFixed(0)} %)`;
}

/** A build's jobs are called after the builder's uid and the step's id. */
function renderJob({ id, state, elapsedSeconds, lastLine }: RunningJob): string {
  const [, uid = "", step = ""] = /^step-(\d+)-([0-9a-f]+)$/.exec(id) ?? [];
  const what = step === "" ? `job ${id}` : `builder ${uid}, step ${step.slice(0, 12)}`;
  const elapsed = formatSeconds(elapsedSeconds);
  if (state === "lost") return `${what}: lost (a restart or a kill), nothing of it runs; the next build runs it anew`;
  if (state === "finished") return `${what}: finished after ${elapsed}, nobody has asked for its end yet`;
  return `${what}: running for ${elapsed}${lastLine === "" ? "" : `: ${lastLine}`}`;
}
