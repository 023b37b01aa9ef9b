import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { randomUUID } from "node:crypto";
import type { Host } from "../../../host/host.js";
import { collectJobs, runJob, sendJobInput, sendJobSecret } from "../../../host/jobs/jobs.js";
import type { LocalTransport } from "../local-transport.js";
import { ScratchRoot } from "../scratch-root.js";

const STATE = "/var/db/macfoundry";
let root: ScratchRoot;
function newId(): string {
  return `test-${randomUUID().slice(0, 8)}`;
}
function newHost(): { host: Host; transport: LocalTransport } {
  return root.host();
}

const USER = { name: "mfjobs", uid: 7711 };

describe("jobs", () => {
  beforeAll(async () => {
    root = await ScratchRoot.open();
    root.addUser(USER.name, USER.uid, `/home/${USER.name}`);
  });
  afterAll(() => root.close());

  it("streams the output, tells exit status and report, and keeps its files to root", async () => {
    const { host } = newHost();
    const id = newId();
    const pieces: Buffer[] = [];
    const end = await runJob(
      host,
      { id, script: `echo one; echo two >&2; printf 'a=1\\n' >"$MACFOUNDRY_JOB/report"; exit 7` },
      { onOutput: (c) => pieces.push(c) },
    );
    expect(end).toEqual({ rc: 7, report: "a=1\n", isAttached: false, outputBytes: 8 });
    expect(Buffer.concat(pieces).toString()).toBe("one\ntwo\n");
    expect(root.sh(`cd ${STATE}/jobs; stat -c '%a %U' . ${id} ${id}/output ${id}/rc ${id}/script`)).toBe(
      "700 root\n700 root\n600 root\n600 root\n600 root\n",
    );
  });

  it("attaches to a finished job instead of running it again, until it is collected", async () => {
    const { host } = newHost();
    const id = newId();
    const script = `date +%s%N; echo "$$"`;
    const outputs: string[] = ["", ""];
    await runJob(host, { id, script }, { onOutput: (c) => (outputs[0] += c.toString()) });
    const { host: second } = newHost();
    const again = await runJob(second, { id, script }, { onOutput: (c) => (outputs[1] += c.toString()) });
    expect(again.isAttached).toBe(true);
    expect(outputs[1]).toBe(outputs[0]);
    await collectJobs(second, [id]);
    expect(root.sh(`ls ${STATE}/jobs`)).not.toContain(id);
    expect((await runJob(second, { id, script })).isAttached).toBe(false);
  });

  it("goes on while the connection is cut, and every byte of output comes exactly once", async () => {
    const { host, transport } = newHost();
    let text = "";
    const notes: string[] = [];
    const running = runJob(
      host,
      { id: newId(), script: "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i + 1)); sleep 0.05; done" },
      { onOutput: (c) => (text += c.toString()), onNote: (line) => notes.push(line), reconnectMs: 20_000 },
    );
    setTimeout(() => transport.cut(600), 700);
    expect((await running).rc).toBe(0);
    expect(text).toBe(Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join(""));
    expect(notes.length).toBeGreaterThan(0);
  });

  it("is picked up by a second controller while it runs", async () => {
    const first = newHost();
    const id = newId();
    const script = "echo begin; sleep 1.5; echo end";
    const abandoned = runJob(first.host, { id, script }, { reconnectMs: 0 }).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 600));
    first.transport.cut(60_000);
    await abandoned;
    let text = "";
    const end = await runJob(newHost().host, { id, script }, { onOutput: (c) => (text += c.toString()) });
    expect(end).toMatchObject({ rc: 0, isAttached: true });
    expect(text).toBe("begin\nend\n");
  });

  it("cancels with every process of the builder, a detached one too", async () => {
    const { host } = newHost();
    const id = newId();
    const controller = new AbortController();
    const script = `perl -MPOSIX -e 'exit if fork; POSIX::setsid(); exit if fork; $0 = "mf-daemon"; sleep 300'; echo ready; sleep 300`;
    const running = runJob(
      host,
      { id, user: USER, script },
      { signal: controller.signal, onOutput: () => controller.abort() },
    );
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    expect(root.sh(`pgrep -U ${USER.uid} || echo none`)).toBe("none\n");
    expect(root.sh(`ls ${STATE}/jobs`)).not.toContain(id);
  });

  it("runs as the user with a clean environment, who cannot read the job's folder", async () => {
    const { host } = newHost();
    const id = newId();
    let text = "";
    await runJob(
      host,
      { id, user: USER, script: `id -un; pwd; env | sort; cat ${STATE}/jobs/${id}/output || echo refused` },
      { onOutput: (c) => (text += c.toString()) },
    );
    expect(text).toContain(`${USER.name}\n/home/${USER.name}\n`);
    expect(text).toContain("refused");
    expect(text).not.toMatch(/MACFOUNDRY|SUDO|SSH/);
  });

  it("says JOB_LOST when its program was killed", async () => {
    const { host } = newHost();
    const id = newId();
    let isKilled = false;
    const running = runJob(
      host,
      { id, script: "echo up; sleep 300" },
      {
        onOutput: () => {
          if (!isKilled) root.sh(`kill -9 $(cat ${STATE}/jobs/${id}/pid)`);
          isKilled = true;
        },
      },
    );
    await expect(running).rejects.toMatchObject({ code: "JOB_LOST" });
    root.sh("pkill -9 -f '^sleep 300'");
    const notes: string[] = [];
    const again = await runJob(host, { id, script: "exit 0" }, { onNote: (line) => notes.push(line) });
    expect(again).toMatchObject({ rc: 0, isAttached: false });
    expect(notes.join()).toMatch(/run again/);
  });

  it("takes input and secrets over standard input only", async () => {
    const { host } = newHost();
    const id = newId();
    const secret = `planted-${randomUUID()}`;
    await sendJobInput(host, id, Buffer.from([0, 255, 10, 65]));
    await sendJobSecret(host, id, "0", Buffer.from(secret));
    let text = "";
    const end = await runJob(
      host,
      {
        id,
        script: `od -An -tx1; cksum <"$MACFOUNDRY_JOB/secrets/0"; ps -axo args= | grep -c planted- | sed 's/^/seen /'`,
      },
      { onOutput: (c) => (text += c.toString()) },
    );
    expect(end.rc).toBe(0);
    expect(text).toContain("00 ff 0a 41");
    expect(text).toContain("seen 1");
    expect(text).not.toContain(secret);
  });

  it("refuses to start without the builder's lock", async () => {
    const { host } = newHost();
    const job = { id: newId(), script: "exit 0", lock: { path: "/nonexistent/lock", token: "t" } };
    await expect(runJob(host, job)).rejects.toMatchObject({ code: "STORE_BUSY" });
  });
});
