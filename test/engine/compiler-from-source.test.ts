import * as fs from "node:fs";
import * as path from "node:path";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bootMac, type SimMac } from "../mac/fixture.js";
import { fetchOcamlSource, type SourceArchive } from "./compiler-source.js";
import {
  compareListings,
  describeHosts,
  killRuns,
  listRunProcesses,
  makeFleet,
  type Config,
  type Fleet,
} from "./fleet.js";
import { openRelay, type Relay } from "./relay.js";
import { waitFor } from "./scratch-project.js";

const PREFIX = "/opt/ocaml/4.13.1";

/** What the account without rights is at. */
const WORK = /^\s*705\s.*(?:configure|make)/m;

/** The tree that is compiled: another one would have another inode. */
const TREE = "stat -f %i /var/db/macfoundry/compilers/*/work/source/ocaml-*";

/** A simulated Mac says Darwin, for which OCaml's configure would choose Apple's linker. The rest is to save a minute. */
const CONFIGURE_ARGS = [
  "--build=x86_64-pc-linux-gnu",
  "--disable-ocamldoc",
  "--disable-debugger",
  "--disable-ocamltest",
];

describe("a compiler from its source", () => {
  let mac: SimMac;
  let relay: Relay;
  let fleet: Fleet;
  let config: Config;
  beforeAll(async () => {
    [mac, fleet] = await Promise.all([bootMac({ state: { ncpu: "2" } }), makeFleet()]);
    relay = await openRelay(mac);
    const host = { ...describeHosts({ mac1: mac })["mac1"], address: relay.address, port: relay.port };
    config = {
      "macfoundry:hosts": { mac1: host },
      "fleet:expect": { arch: "x86_64", macos: "14" },
      "fleet:builders": [{ name: "mac705", uid: 705 }],
    };
  }, 300_000);
  afterAll(async () => {
    await relay.close();
    fleet.remove();
    await mac.stop();
  });

  function configure(source: SourceArchive, configureArgs = CONFIGURE_ARGS): void {
    fleet.configure({
      ...config,
      "fleet:compilers": [{ version: "4.13.1", source: "ocaml", prefix: PREFIX, configureArgs }],
      "fleet:sources": { ocaml: { path: source.path, sha256: source.sha256 } },
    });
  }

  /** An archive with the given `configure`: a build that ends before it has begun. */
  function makeArchive(name: string, configureText: string): SourceArchive {
    const folder = path.join(fleet.folder, name);
    fs.mkdirSync(path.join(folder, "ocaml"), { recursive: true });
    fs.writeFileSync(path.join(folder, "ocaml/configure"), configureText, { mode: 0o755 });
    const file = path.join(fleet.folder, `${name}.tar.gz`);
    execFileSync("tar", ["-czf", file, "-C", folder, "ocaml"]);
    return { path: file, sha256: createHash("sha256").update(fs.readFileSync(file)).digest("hex") };
  }

  it("that does not configure ends with its last lines, and leaves no prefix", async () => {
    configure(makeArchive("broken", "#!/bin/sh\necho checking for something; echo no luck >&2; exit 77\n"));
    const update = await fleet.up();
    expect(update.text).toContain("COMMAND_FAILED on mac1: compiler 4.13.1: compiling ended with exit status 77");
    expect(update.text).toContain("no luck");
    expect(update.code).not.toBe(0);
    expect((await mac.exec(`test -e ${PREFIX}`)).code).toBe(1);
  }, 120_000);

  it("whose archive is another than the pinned one is refused before anything is built", async () => {
    const archive = makeArchive("other", "#!/bin/sh\ntouch /Users/Shared/ran; exit 1\n");
    configure({ ...archive, sha256: "0".repeat(64) });
    const update = await fleet.up();
    expect(update.text).toMatch(/0{64}|the archive arrived with sha256/);
    expect(update.code).not.toBe(0);
    expect((await mac.exec("test -e /Users/Shared/ran")).code).toBe(1);
  }, 120_000);

  it("is compiled by an account without rights, through a cut connection and kill -9 of all on our side, and installed by root", async () => {
    configure(fetchOcamlSource("4.13.1"));
    const first = fleet.start(["up", "--skip-preview"]);
    await waitFor(
      "the compiler's job to be at work",
      () => /compiling as mac705, (?:[1-9]\d|\d{3,}) s/.test(first.text()),
      300_000,
    );
    expect(await mac.run("ps -axo uid=,command=")).toMatch(WORK);
    const tree = await mac.run(TREE);
    const before = relay.connections();
    relay.cut();
    await waitFor("a new connection", () => relay.connections() > before, 60_000);

    // Everything on our side dies; the job does not, and the next run picks it up.
    killRuns(fleet);
    expect((await first.done).code).toBeNull();
    await waitFor("our side to be gone", () => listRunProcesses(fleet).length === 0);
    expect(await mac.run("ps -axo uid=,command=")).toMatch(WORK);
    const second = fleet.start(["up", "--skip-preview"]);
    await waitFor("the job to be followed again", () => second.text().includes("compiling as mac705"), 120_000);
    expect(await mac.run(TREE)).toBe(tree);
    const { code, text } = await second.done;
    expect(text).not.toContain("error:");
    expect(code).toBe(0);
    const builds = await mac.run(
      "ls /var/db/macfoundry/jobs 2>/dev/null | wc -l | tr -d ' '; ls /var/db/macfoundry/compilers",
    );
    expect(builds).toBe("0\n");

    expect(await mac.run(`${PREFIX}/bin/ocamlc -version; stat -f '%Su:%Sg' ${PREFIX} ${PREFIX}/bin/ocamlc`)).toBe(
      "4.13.1\nroot:wheel\nroot:wheel\n",
    );
    const hello = 'print_endline ("hello from " ^ Sys.ocaml_version)';
    expect(
      await mac.run(`mkdir /Users/Shared/hello && cd /Users/Shared/hello && echo '${hello}' >h.ml &&
        ${PREFIX}/bin/ocamlopt h.ml -o h && ./h`),
    ).toBe("hello from 4.13.1\n");

    const listing = await mac.listing();
    const again = await fleet.up();
    expect(again.code).toBe(0);
    expect(compareListings(listing, await mac.listing())).toEqual([]);
    expect((await fleet.preview()).code).toBe(0);
  }, 1_500_000);

  it("that was broken by hand is found out by asking it", async () => {
    await mac.run(`printf '#!/bin/sh\\necho 9.9.9\\n' >${PREFIX}/bin/ocamlc`);
    const drifted = await fleet.preview();
    expect(drifted.text).toMatch(/~ installed\s*: "9\.9\.9" => "4\.13\.1"/);
    expect(drifted.code).toBe(7);
  }, 120_000);
});
