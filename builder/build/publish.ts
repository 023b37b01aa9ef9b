import { runJob, collectJobs } from "../../host/jobs/jobs.js";
import { STATE_DIR, type Host } from "../../host/host.js";
import { sh } from "../../host/quote.js";
import type { StepId } from "../ids/index.js";
import { TREE_PERL } from "../store/digest.js";
import { selectEngine } from "../store/engine.js";
import type { Builder, StoreConfig } from "../store/layout.js";
import type { BuildEvents, StepOutcome } from "./events.js";
import { jobFailed } from "./failure.js";
import { publishedPath, RECIPE_NAME_DIGITS } from "./recipe.js";
import { parseReport } from "./report.js";
import { renderJobScript } from "./step-script.js";

export const IMAGES_DIR = `${STATE_DIR}/images`;

/** Kept on the Mac beside each published image, one line of JSON at `images/<image>/<recipe>`. */
export interface Receipt {
  image: string;
  recipe: string;
  path: string;
  /** What came out: of the whole tree, times apart. */
  treeDigest: string;
  /** Of the top two levels, for the quick look. */
  manifest: string;
  builder: string;
  root: string;
  /** Results of the store that it was built through, base first; the last one is published. */
  ids: StepId[];
  steps: Omit<StepOutcome, "title">[];
  /** UTC, `YYYY-MM-DDThh:mm:ssZ`. */
  publishedAt: string;
}

export interface Publication {
  host: Host;
  builder: Builder;
  store: StoreConfig;
  image: string;
  recipe: string;
  ids: readonly StepId[];
  steps: readonly StepOutcome[];
}

/**
 * Publishes a result as `/Users/<image>@<recipe>`: a copy of its own beside the older ones, complete or not there at all;
 * what lay at the name before is replaced. The receipt comes last.
 */
export async function publishImage(
  publication: Publication,
  events: BuildEvents = {},
  signal?: AbortSignal,
): Promise<void> {
  const { host, image, recipe } = publication;
  const id = `publish-${image}-${recipe.slice(0, RECIPE_NAME_DIGITS)}`;
  // An earlier run's end is not ours: its steps may have been others.
  const end = await runJob(
    host,
    { id, script: renderPublishScript(publication), collect: [id] },
    { onNote: events.onNote, signal },
  );
  await collectJobs(host, [id]);
  if (end.rc !== 0) throw jobFailed(host, `image ${image}`, end.rc, parseReport(end.report));
}

function renderPublishScript(publication: Publication): string {
  const { builder, store, image, recipe, ids } = publication;
  const path = publishedPath(image, recipe);
  const receipt: Omit<Receipt, "treeDigest" | "manifest" | "publishedAt"> = {
    image,
    recipe,
    path,
    builder: builder.name,
    root: store.root,
    ids: [...ids],
    steps: publication.steps.map(({ id, kind, isCached, seconds, bytes }) => ({ id, kind, isCached, seconds, bytes })),
  };
  const context = { store, builder, engine: selectEngine(store), tmpDir: "", isAdopting: false };
  const last = ids[ids.length - 1] ?? "";
  return renderJobScript(context, [
    {
      point: "copy",
      shell: sh`path=${path}
staged=/Users/.\${path#/Users/}.new
folder=${`${IMAGES_DIR}/${image}`}
mkdir -p "$folder"
[ -d ${`${store.root}/result/${last}/rootfs`} ] || fault STORE_CORRUPT ${`result ${last} is gone`}
rm -rf "$staged"
engine_copy ${`${store.root}/result/${last}/rootfs`} "$staged"`,
    },
    {
      point: "digest",
      shell: sh`/usr/bin/perl -e ${`${TREE_PERL}\nprint tree_digest($ARGV[0]), " ", manifest($ARGV[0]), "\\n";`} "$staged" >"$MACFOUNDRY_JOB/digests"
read -r tree top <"$MACFOUNDRY_JOB/digests"`,
    },
    {
      point: "appear",
      shell: `rm -f "$folder/${recipe}"
old=
if [ -e "$path" ] || [ -L "$path" ]; then old=/Users/.\${path#/Users/}.old; rm -rf "$old"; rename "$path" "$old"; fi
rename "$staged" "$path"
[ -z "$old" ] || rm -rf "$old"`,
    },
    {
      point: "receipt",
      shell: sh`at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
{ printf %s ${JSON.stringify(receipt).slice(0, -1)}; printf ',"treeDigest":"%s","manifest":"%s","publishedAt":"%s"}\n' "$tree" "$top" "$at"; } | write_file ${`${IMAGES_DIR}/${image}/${recipe}`}`,
    },
  ]);
}

/** Removes publications of an image; one that `/Users/<image>` points at is left, and said (`kept RECIPE`). */
export function renderUnpublishScript(image: string, recipes: readonly string[]): string {
  const lines = recipes.map((recipe) => {
    const path = publishedPath(image, recipe);
    return sh`if [ "$(readlink ${`/Users/${image}`} 2>/dev/null)" = ${path} ]; then echo ${`kept ${recipe}`}
else
  rm -f ${`${IMAGES_DIR}/${image}/${recipe}`}
  old=${`/Users/.${path.slice(7)}.old`}
  rm -rf "$old"
  [ ! -e ${path} ] || mv ${path} "$old"
  ( trap '' HUP; chflags -R nouchg "$old" 2>/dev/null || :; rm -rf "$old" ) </dev/null >/dev/null 2>&1 9>&- &
fi
`;
  });
  return `${lines.join("")}rmdir ${IMAGES_DIR}/${image} 2>/dev/null || :\n`;
}
