import * as grpc from "@grpc/grpc-js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import type { Problem, Props } from "../components/resource.js";
import type { MacfoundryError } from "../host/errors.js";
import type { Diff, DiffKind } from "./diff.js";
import type { Converged, ReadResult } from "./lifecycle.js";
import { toPlain } from "./values.js";

/** The one file that knows protobuf messages: plain values in, messages out, and back. */

type Struct = InstanceType<typeof structPb.Struct>;

export function toStruct(props: Props): Struct {
  return structPb.Struct.fromJavaScript(toPlain(props) as Record<string, structPb.JavaScriptValue>);
}

export function fromStruct(struct: Struct | undefined): Props {
  return struct === undefined ? {} : struct.toJavaScript();
}

export function handshakeReply(): pb.ProviderHandshakeResponse {
  const reply = new pb.ProviderHandshakeResponse();
  // False: the engine sends plain values and marks outputs named like secret inputs as secret itself.
  reply.setAcceptSecrets(false);
  reply.setAcceptResources(false);
  reply.setAcceptOutputs(false);
  return reply;
}

export function configureReply(): pb.ConfigureResponse {
  const reply = new pb.ConfigureResponse();
  reply.setSupportspreview(true);
  reply.setAcceptsecrets(false);
  reply.setAcceptresources(false);
  reply.setAcceptoutputs(false);
  return reply;
}

export function pluginInfoReply(version: string): pluginPb.PluginInfo {
  const reply = new pluginPb.PluginInfo();
  reply.setVersion(version);
  return reply;
}

export function schemaReply(schema: string): pb.GetSchemaResponse {
  const reply = new pb.GetSchemaResponse();
  reply.setSchema(schema);
  return reply;
}

export function checkReply(inputs: Props, problems: readonly Problem[]): pb.CheckResponse {
  const reply = new pb.CheckResponse();
  reply.setInputs(toStruct(inputs));
  for (const { path, reason } of problems) {
    const failure = new pb.CheckFailure();
    failure.setProperty(path);
    failure.setReason(reason);
    reply.addFailures(failure);
  }
  return reply;
}

export function noDiffReply(): pb.DiffResponse {
  const reply = new pb.DiffResponse();
  reply.setChanges(pb.DiffResponse.DiffChanges.DIFF_NONE);
  return reply;
}

const KINDS: Record<DiffKind, pb.PropertyDiff.Kind> = {
  add: pb.PropertyDiff.Kind.ADD,
  update: pb.PropertyDiff.Kind.UPDATE,
  delete: pb.PropertyDiff.Kind.DELETE,
  replace: pb.PropertyDiff.Kind.UPDATE_REPLACE,
};

export function diffReply(diff: Diff): pb.DiffResponse {
  const reply = new pb.DiffResponse();
  reply.setHasdetaileddiff(true);
  for (const [path, entry] of diff.entries) {
    const detail = new pb.PropertyDiff();
    detail.setKind(KINDS[entry.kind]);
    detail.setInputdiff(entry.isInput);
    reply.getDetaileddiffMap().set(path, detail);
    const name = path.split(/[.[]/)[0] ?? path;
    reply.addDiffs(name);
    if (entry.kind === "replace") reply.addReplaces(name);
  }
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  reply.setChanges(diff.entries.size === 0 ? DIFF_NONE : DIFF_SOME);
  return reply;
}

export function readReply(result: ReadResult | undefined): pb.ReadResponse {
  const reply = new pb.ReadResponse();
  if (result === undefined) return reply; // an empty id means: gone
  reply.setId(result.id);
  reply.setProperties(toStruct(result.outputs));
  reply.setInputs(toStruct(result.inputs));
  reply.setRefreshBeforeUpdate(true);
  return reply;
}

export function createReply(result: Pick<Converged, "id" | "outputs">): pb.CreateResponse {
  const reply = new pb.CreateResponse();
  reply.setId(result.id);
  reply.setProperties(toStruct(result.outputs));
  reply.setRefreshBeforeUpdate(true);
  return reply;
}

export function updateReply(outputs: Props): pb.UpdateResponse {
  const reply = new pb.UpdateResponse();
  reply.setProperties(toStruct(outputs));
  reply.setRefreshBeforeUpdate(true);
  return reply;
}

export function emptyReply(): emptyPb.Empty {
  return new emptyPb.Empty();
}

/** "Partly done": the engine keeps the outputs, prints the reason, and comes again with the next update. */
export function partialFailure(result: Converged, failure: MacfoundryError, inputs: Props): Partial<grpc.ServiceError> {
  const detail = new pb.ErrorResourceInitFailed();
  detail.setId(result.id);
  detail.setProperties(toStruct(result.outputs));
  detail.setInputs(toStruct(inputs));
  detail.setReasonsList([failure.message]);
  detail.setRefreshBeforeUpdate(true);
  const packed = new anyPb.Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statusPb.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(failure.message);
  status.setDetailsList([packed]);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details: failure.message, metadata };
}

export function plainFailure(error: unknown): Partial<grpc.ServiceError> {
  return { code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}
