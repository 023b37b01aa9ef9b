// What the demo shows, act by act. Every act checks what it claims: a demo that only looks right would be worse than none.
import { DemoFailed } from "./run.mjs";
import { runInMac, setSip } from "./macs.mjs";

const UP = ["up", "--yes", "--skip-preview", "--suppress-progress"];
const PREVIEW = ["preview", "--diff", "--expect-no-changes", "--suppress-progress"];
/** Of Pulumi's CLI from 3.227 on: --expect-no-changes was not fulfilled. */
const EXIT_CHANGES = 7;

function mustMatch(text, pattern, claim) {
  if (!pattern.test(text)) throw new DemoFailed(`${claim}: nothing matches ${pattern} in\n${text}`);
}

export async function buildAll(stage, stacks) {
  stage.heading("Every Mac becomes a builder");
  for (const { stack } of stacks) {
    await stage.pulumi(stack, ["stack", "init"], { expected: 0, isQuiet: true });
    await stage.pulumi(stack, UP, { expected: 0, what: "first up" });
  }
}

export async function showOutputs(stage, stacks) {
  stage.heading("What there is now");
  for (const { stack, macs } of stacks) {
    const output = await stage.pulumi(stack, ["stack", "output", "--json"], { expected: 0 });
    for (const { host } of macs) mustMatch(output, new RegExp(`"${host}"`), "the stack tells of its Macs");
    mustMatch(output, /\/Users\/[\w.-]+@[0-9a-f]{12,}/, "the stack tells where its base directories are");
  }
}

export async function buildAgain(stage, stacks) {
  stage.heading("Once more: nothing to do");
  for (const { stack } of stacks) await stage.pulumi(stack, UP, { expected: 0, what: "second up, nothing to do" });
  stage.heading("A base directory is lost: every step comes from the cache");
  for (const { stack, macs, image } of stacks) {
    for (const { name } of macs) runInMac(name, `rm -rf /Users/${image}@*`);
    const output = await stage.pulumi(stack, UP, { expected: 0, what: "build from the cache" });
    mustMatch(output, /(\d+) steps, all cached/, "all steps are cached");
  }
}

export async function tamper(stage, stacks) {
  stage.heading("Somebody changes the Macs by hand");
  for (const { stack, macs, image, builder, store, expectsSip } of stacks) {
    const [first] = macs;
    const acts = [
      `dscl . -create /Users/${builder} UserShell /bin/zsh`,
      `d=$(ls -d ${store}/${builder}/result/* | head -1); chflags -R nouchg "$d" 2>/dev/null; rm -rf "$d"`,
      `ln -sfh /Users/Shared /Users/${image}`,
    ];
    for (const act of acts) {
      stage.say(`${first.host}# ${act}`);
      runInMac(first.name, act);
    }
    if (expectsSip) {
      stage.say(`${first.host}: csrutil enable, in Recovery`);
      setSip(first.name, "enabled");
    }
    stage.say(`(${stack})`);
  }
}

export async function showDrift(stage, stacks) {
  stage.heading("The preview shows it, property by property, and changes nothing");
  for (const { stack, expectsSip } of stacks) {
    const output = await stage.pulumi(stack, PREVIEW, { expected: EXIT_CHANGES, what: "preview with drift" });
    mustMatch(output, /shell\s*: "\/bin\/zsh" => "\/bin\/bash"/, "the changed shell is shown");
    if (expectsSip) mustMatch(output, /sip\s*: "enabled" => "disabled"/, "SIP is shown");
  }
}

export async function repair(stage, stacks) {
  stage.heading("up repairs everything but SIP, which only a person can");
  for (const { stack, macs, expectsSip } of stacks) {
    const output = await stage.pulumi(stack, UP, { expected: expectsSip ? 1 : 0, what: "repair" });
    if (!expectsSip) continue;
    mustMatch(output, /NEEDS_HUMAN/, "SIP is said to need a person");
    stage.say(`\nThe person goes to ${macs[0].host}, starts it in Recovery and types \`csrutil disable\`.`);
    setSip(macs[0].name, "disabled");
    await stage.pulumi(stack, UP, { expected: 0, what: "up after the person" });
  }
}

export async function showClean(stage, stacks) {
  stage.heading("The next preview is clean");
  for (const { stack } of stacks) await stage.pulumi(stack, PREVIEW, { expected: 0, what: "clean preview" });
}
