import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { EngineLog } from "./engine-log.js";
import { Hosts } from "./hosts.js";
import { watchParent } from "./parent.js";
import { makeService } from "./service.js";

/** After the engine's last word: enough for changes under way to end as partly done. */
const LINGER_MS = 20_000;

const hosts = Hosts.fromEnvironment(process.env);
const abort = new AbortController();
const log = new EngineLog();
const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });

async function end(code: number): Promise<never> {
  await hosts.close();
  process.exit(code);
}

function stopGently(): void {
  abort.abort();
  setTimeout(() => process.exit(1), LINGER_MS).unref();
  server.tryShutdown(() => void end(0));
}

const service = makeService({ hosts, abort, log });
server.addService(providerGrpc.ResourceProviderService, service as providerGrpc.IResourceProviderServer);

// The CLI was killed: end at once. What runs on a Mac as a job goes on there, and the next run picks it up.
watchParent(() => process.exit(1));
process.on("SIGINT", stopGently);
process.on("SIGTERM", stopGently);

server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  const address = process.argv.slice(2).filter((word) => !word.startsWith("-"));
  log.connect(address.at(-1) ?? "");
  process.stdout.write(`${port}\n`);
});
