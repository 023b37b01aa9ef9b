import { IMAGES_DIR, type Receipt } from "../../builder/build/publish.js";
import { MacfoundryError } from "../../host/errors.js";
import { STATE_DIR, type Host } from "../../host/host.js";
import { quoteWords } from "../../host/quote.js";

/** A store found on the Mac. */
export interface FoundStore {
  root: string;
  /** `NAME UID HOME PREFIX` of its builder; undefined for a store that another program made. */
  owner: string | undefined;
}

/** What is known of a Mac's stores before one of them is worked on. */
export interface StoreSurvey {
  stores: FoundStore[];
  /** Published images: what their receipts name must not go without a word. */
  receipts: Pick<Receipt, "image" | "recipe" | "path" | "root" | "ids" | "treeDigest">[];
  /** The Mac's clock, as its databases write it: `YYYY-MM-DD HH:MM:SS`, UTC. */
  now: string;
}

/**
 * One exec: the stores at `places` or one folder below them, and the receipts. Without places: where macfoundry keeps
 * stores on this Mac, where the stack says, and where receipts point.
 */
export async function surveyStores(host: Host, places: readonly string[], isExact: boolean): Promise<StoreSurvey> {
  const candidates = isExact ? places : [`${STATE_DIR}/store`, ...places];
  const survey = parseStoreSurvey(await host.read(renderSurvey(candidates, !isExact)));
  if (survey.stores.length > 0 || !isExact) return survey;
  throw new MacfoundryError({
    code: "CONFIG_INVALID",
    host: host.name,
    resource: `store ${places.join(", ")}`,
    cause: "there is no store: neither the folder nor one directly below it has `result`",
    remedy: "name the folder that holds `result` and `state`, or leave --store out to see what the Mac has",
  });
}

function renderSurvey(places: readonly string[], withReceipts: boolean): string {
  return `tell() {
  [ -d "$1/result" ] || return 0
  printf 'store|%s|%s\\n' "$1" "$(cat "$1/state/owner" 2>/dev/null || :)"
}
for place in ${quoteWords(places)}; do
  if [ -d "$place/result" ]; then tell "$place"; else for folder in "$place"/*; do tell "$folder"; done; fi
done
for receipt in ${IMAGES_DIR}/*/*; do
  [ -f "$receipt" ] || continue
  printf 'receipt|%s\\n' "$(cat "$receipt")"
  ${withReceipts ? `tell "$(sed -n 's/.*"root":"\\([^"]*\\)".*/\\1/p' "$receipt")"` : ":"}
done
date -u '+now|%Y-%m-%d %H:%M:%S'
`;
}

export function parseStoreSurvey(text: string): StoreSurvey {
  const survey: StoreSurvey = { stores: [], receipts: [], now: "" };
  for (const line of text.split("\n")) {
    const [kind, first = "", ...rest] = line.split("|");
    if (kind === "store") {
      const owner = rest.join("|");
      if (survey.stores.every(({ root }) => root !== first))
        survey.stores.push({ root: first, owner: owner === "" ? undefined : owner });
    } else if (kind === "receipt") {
      const receipt = parseReceipt([first, ...rest].join("|"));
      if (receipt !== undefined) survey.receipts.push(receipt);
    } else if (kind === "now") survey.now = first;
  }
  return survey;
}

function parseReceipt(text: string): Receipt | undefined {
  try {
    const receipt = JSON.parse(text) as Receipt;
    return typeof receipt.image === "string" && Array.isArray(receipt.ids) ? receipt : undefined;
  } catch {
    return undefined;
  }
}

/** Ids of a store that published images need, with what to call those images. */
export function listNeeded(survey: StoreSurvey, root: string): Map<string, string[]> {
  const needed = new Map<string, string[]>();
  for (const receipt of survey.receipts) {
    if (receipt.root !== root) continue;
    const name = receipt.path.replace(/^\/Users\//, "");
    for (const id of receipt.ids) needed.set(id, [...(needed.get(id) ?? []), name]);
  }
  return needed;
}
