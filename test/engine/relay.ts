import * as net from "node:net";
import type { SimMac } from "../mac/fixture.js";

/** Another address of a Mac, whose connections a test can count, cut and hold back. */
export interface Relay {
  address: string;
  port: number;
  connections(): number;
  /** Ends all connections as a reset does; new ones are taken. */
  cut(): void;
  close(): Promise<void>;
}

export async function openRelay(mac: SimMac): Promise<Relay> {
  const open = new Set<net.Socket>();
  let count = 0;
  const server = net.createServer((near) => {
    count += 1;
    const far = net.connect(mac.port, mac.address);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        open.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.77.0.1", resolve));
  const { address, port } = server.address() as net.AddressInfo;
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    address,
    port,
    connections: () => count,
    cut,
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
