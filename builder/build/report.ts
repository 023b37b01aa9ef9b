/** What a job of ours left in its report: see renderStepScript. */
export interface JobReport {
  commandRc: number | undefined;
  seconds: Map<string, number>;
  kib: number | undefined;
  notes: string[];
  survivors: string[];
  trouble: string[];
  fault: { code: string; text: string } | undefined;
}

export function parseReport(text: string): JobReport {
  const report: JobReport = {
    commandRc: undefined,
    seconds: new Map(),
    kib: undefined,
    notes: [],
    survivors: [],
    trouble: [],
    fault: undefined,
  };
  for (const line of text.split(/[\n;]/)) {
    const [key, first = "", ...rest] = line.split(" ");
    const tail = [first, ...rest].join(" ");
    if (key === "command-rc") report.commandRc = Number(first);
    else if (key === "seconds") report.seconds.set(first, Number(rest[0]));
    else if (key === "kib") report.kib = Number(first);
    else if (key === "note") report.notes.push(tail);
    else if (key === "survivor") report.survivors.push(tail);
    else if (key === "trouble") report.trouble.push(tail);
    else if (key === "fault") report.fault = { code: first, text: rest.join(" ") };
  }
  return report;
}

export function totalSeconds(report: JobReport): number | undefined {
  if (report.seconds.size === 0) return undefined;
  return [...report.seconds.values()].reduce((sum, value) => sum + value, 0);
}
