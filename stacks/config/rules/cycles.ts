import type { RawImage, Report } from "../raw.js";

/** Names so that each comes after those it starts from; what is in a circle comes last, in the file's order. */
export function orderImages(images: Readonly<Record<string, RawImage>>): { order: string[]; circular: string[] } {
  const order: string[] = [];
  const pending = new Set(Object.keys(images));
  for (let hasMoved = true; hasMoved;) {
    hasMoved = false;
    for (const name of pending) {
      const waitsFor = basesOf(images[name]).some((base) => pending.has(base));
      if (waitsFor) continue;
      order.push(name);
      pending.delete(name);
      hasMoved = true;
    }
  }
  return { order, circular: [...pending] };
}

/** One report for each circle, at its first image in the file. */
export function checkCycles(images: Readonly<Record<string, RawImage>>, report: Report): void {
  const { circular } = orderImages(images);
  const told = new Set<string>();
  for (const start of circular) {
    const circle = findCircle(start, images, circular);
    if (circle === undefined || circle.some((name) => told.has(name))) continue;
    circle.forEach((name) => told.add(name));
    const reason = `the images start from each other: ${[...circle, start].join(" → ")}`;
    report(["config", "fleet:images", start, "from"], reason, "let one of them start from another image, or from none");
  }
}

/** Images from `start` back to itself by way of `from`, breadth first; undefined when it only leads into a circle. */
function findCircle(
  start: string,
  images: Readonly<Record<string, RawImage>>,
  circular: readonly string[],
): string[] | undefined {
  const trails: string[][] = [[start]];
  const visited = new Set<string>();
  for (let trail = trails.shift(); trail !== undefined; trail = trails.shift()) {
    for (const base of basesOf(images[trail.at(-1) ?? start])) {
      if (base === start) return trail;
      if (!circular.includes(base) || visited.has(base)) continue;
      visited.add(base);
      trails.push([...trail, base]);
    }
  }
  return undefined;
}

function basesOf(image: RawImage | undefined): string[] {
  return Object.values(image?.from ?? {}).filter((name) => name !== undefined);
}
