import * as grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import type { Voice } from "./lifecycle.js";

/** Lines into Pulumi's own output; without an engine (a bare start by hand) they go nowhere. */
export class EngineLog {
  private client: InstanceType<typeof engineGrpc.EngineClient> | undefined;
  private pending: Promise<unknown> = Promise.resolve();

  connect(address: string): void {
    if (address !== "") this.client ??= new engineGrpc.EngineClient(address, grpc.credentials.createInsecure());
  }

  voiceFor(urn: string): Voice {
    const { INFO, WARNING } = enginePb.LogSeverity;
    return {
      progress: (line) => this.send(urn, line, INFO, true),
      info: (line) => this.send(urn, line, INFO, false),
      warn: (line) => this.send(urn, line, WARNING, false),
    };
  }

  /** A reply that overtakes its own lines would lose them: wait before answering. */
  async flush(): Promise<void> {
    await this.pending;
  }

  private send(urn: string, message: string, severity: enginePb.LogSeverity, isEphemeral: boolean): void {
    const client = this.client;
    if (client === undefined) return;
    const request = new enginePb.LogRequest();
    request.setUrn(urn);
    request.setMessage(message);
    request.setSeverity(severity);
    request.setEphemeral(isEphemeral);
    this.pending = this.pending.then(() => new Promise<void>((resolve) => client.log(request, () => resolve())));
  }
}
