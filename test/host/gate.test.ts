import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { Gate } from "../../host/gate.js";

describe("a gate", () => {
  it("lets so many through at once, the others in order, also past failures", async () => {
    const gate = new Gate(2);
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const runs = [0, 1, 2, 3, 4, 5].map((n) =>
      gate.run(async () => {
        order.push(n);
        most = Math.max(most, ++running);
        await sleep(5);
        running -= 1;
        if (n === 1) throw new Error("failed");
        return n;
      }),
    );
    const results = await Promise.allSettled(runs);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    expect(most).toBe(2);
    expect(results.filter(({ status }) => status === "fulfilled").length).toBe(5);
  });
});
