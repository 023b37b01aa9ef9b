import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CliLab } from "../cli-lab.js";

const STORE = "/var/db/macfoundry/store/mac705";
const SPEC = `((from empty)
  (workdir /src)
  (copy (src greeting) (dst /src/greeting))
  (run (secrets (token (target /token))) (shell "cat greeting; wc -c < ~/token"))
  (run (shell "echo done; mkdir -p /opt/homebrew/bin")))`;

describe("macfoundry build --local", () => {
  let lab: CliLab;
  const build = (...words: string[]) =>
    lab.run(["build", "--local", "--uid", "705", "--store", `rsync:${STORE}`, "--brew-path=/opt/homebrew", ...words]);
  beforeAll(async () => {
    lab = await CliLab.open();
    lab.file("/work/job.spec", SPEC);
    lab.file("/work/context/greeting", "hello\n");
    lab.file("/work/token", "12345");
  });
  afterAll(() => lab.close());

  it("prints headings, output and notes in OBuilder's order, and the id; the second time from the cache", async () => {
    const first = await build("-f", "/work/job.spec", "/work/context", "--secret", "token:/work/token");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout.replace(/[0-9a-f]{64}/g, "ID").split("\n")).toEqual([
      "(from empty)",
      '---> saved as "ID"',
      "/: (workdir /src)",
      "/src: (copy (src greeting) (dst /src/greeting))",
      '---> saved as "ID"',
      "/src: (run (secrets (token (target /token)))",
      '           (shell "cat greeting; wc -c < ~/token"))',
      "hello",
      "5",
      '---> saved as "ID"',
      '/src: (run (shell "echo done; mkdir -p /opt/homebrew/bin"))',
      "done",
      '---> saved as "ID"',
      'Got: "ID"',
      "",
    ]);
    const again = await build("-f", "/work/job.spec", "/work/context", "--secret", "token:/work/token");
    expect(again.stdout).toBe(first.stdout.replace(/---> saved as ("[0-9a-f]{64}")/g, "---> using $1 from cache"));
  });

  it("fails with 1 and the original's words for a failed step, and goes on from there when it is mended", async () => {
    const spec = lab.file("/work/failing.spec", '((from empty) (run (shell "echo before; exit 3")))');
    const end = await build("-f", spec, "/work/context");
    expect(end.code).toBe(1);
    expect(end.stdout).toContain("before\n");
    expect(end.stdout).not.toContain("Got:");
    expect(end.stderr).toMatch(/^Build step failed: .*"echo before; exit 3" failed with exit status 3/);
  });

  it("refuses a spec with 1, line and column before it looks at the Mac, and a wrong command line with 124", async () => {
    const spec = lab.file("/work/wrong.spec", '((from empty)\n (rum (shell "x")))');
    expect(await build("-f", spec, "/work/context")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/wrong\.spec:2:/),
    });
    for (const words of [
      ["build", "-f", spec, "/work/context", "--uid", "705", "--store", `rsync:${STORE}`],
      ["build", "--local", "-f", spec, "/work/context", "--uid", "0", "--store", `rsync:${STORE}`],
      ["build", "--local", "-f", spec, "/work/context", "--uid", "705", "--store", "rsync:relative"],
      ["build", "--local", "-f", spec, "/work/context", "--uid", "705", "--store", "btrfs:/x"],
      ["build", "--local", "-f", spec, "--uid", "705", "--store", `rsync:${STORE}`],
    ]) {
      expect((await lab.run(words)).code).toBe(124);
    }
  });

  it("gives 125 where it cannot be tried: no such account, a home with somebody's files, a base that is a home", async () => {
    const spec = lab.file("/work/plain.spec", "((from empty))");
    const words = (uid: string) => [
      "build",
      "--local",
      "-f",
      spec,
      "/work/context",
      "--store",
      "rsync:/s",
      "--uid",
      uid,
    ];
    expect(await lab.run(words("4711"))).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("CONFIG_INVALID"),
    });
    lab.root.addUser("ada", 801, "/Users/ada");
    lab.file("/Users/ada/thesis", "years of work");
    expect(await lab.run(words("801"))).toMatchObject({ code: 125, stderr: expect.stringContaining("--adopt") });
    expect(lab.sh("cat /Users/ada/thesis")).toBe("years of work");
    const base = lab.file("/work/base.spec", "((from ada))");
    expect(await build("-f", base, "/work/context")).toMatchObject({
      code: 125,
      stderr: expect.stringContaining("NOT_OWNED"),
    });
  });

  it("cancels at Ctrl-C with 1: the step's processes are gone and nothing half-made stays", async () => {
    const spec = lab.file("/work/slow.spec", '((from empty) (run (shell "echo started; sleep 300")))');
    const words = ["build", "--local", "-f", spec, "/work/context", "--uid", "705", "--store", `rsync:${STORE}`];
    const end = await lab.run([...words, "--brew-path=/opt/homebrew"], {
      onStart: (interrupt) => void waitFor(() => lab.sh("pgrep -u 705 sleep || :") !== "").then(interrupt),
    });
    expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining("Cancelled at user's request") });
    expect(lab.sh(`pgrep -u 705 || :; ls ${STORE}/result-tmp`)).toBe("");
  });

  it("keeps bytes that are no text, and bounded memory, for 50 MB of output", async () => {
    const program = "head -c 52428800 /dev/zero | tr '\\\\0' '\\\\377'";
    const spec = lab.file("/work/loud.spec", `((from empty) (run (shell "${program}")))`);
    // The reader also watches how much memory macfoundry has at most.
    lab.file(
      "/work/measure.pl",
      `my $pid = open my $f, "-|", @ARGV or die; binmode $f; my ($n, $kib) = (0, 0);
while (read $f, my $b, 1 << 18) { $n += ($b =~ tr/\\377//); open my $s, "<", "/proc/$pid/status" or next; for (<$s>) { $kib = $1 if /^VmHWM:\\s*(\\d+)/ } }
close $f; print "$n $? $kib\\n"`,
    );
    const words = `build --local -f ${spec} /work/context --uid 705 --store rsync:${STORE} --brew-path=/opt/homebrew`;
    const printed = lab.sh(`perl /work/measure.pl ${process.execPath} /opt/macfoundry-clone/bin/macfoundry ${words}`);
    const [bytes, status, kib] = printed.trim().split(" ").map(Number);
    expect([bytes, status]).toEqual([52_428_800, 0]);
    expect(kib).toBeGreaterThan(20_000);
    expect(kib).toBeLessThan(160_000);
  });
});

async function waitFor(isDone: () => boolean): Promise<void> {
  for (let n = 0; n < 300 && !isDone(); n++) await new Promise((resolve) => setTimeout(resolve, 100));
}
