import { quoteWord } from "../../host/quote.js";

/**
 * The image's test as one command for the action's shell (zsh or sh): run by the builder in a login shell, as a worker's
 * command is, so that the image's own profile counts. What it prints is the test's; the last line of a failure is ours.
 */
export function renderTestCommand(image: string, builder: string, test: string): string {
  const asBuilder = `sudo -n -H /usr/bin/su -l ${quoteWord(builder)} -c ${quoteWord(`[ ! -r ~/.obuilder_profile.sh ] || . ~/.obuilder_profile.sh; ${test}`)}`;
  const failed = quoteWord(
    `IMAGE_TEST_FAILED: image ${image}: its test ended with a failure (its words are above). Next: correct the image's spec ` +
      "or fleet:images' test, then run again; the image that was active before still is",
  );
  return `cd / && ${asBuilder} </dev/null || { echo ${failed} >&2; exit 1; }`;
}
