import type * as grpc from "@grpc/grpc-js";
import type providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { MacfoundryError } from "../host/errors.js";
import { checkInputs, completeInputs } from "./check.js";
import { diffResource } from "./diff.js";
import type { EngineLog } from "./engine-log.js";
import type { Hosts } from "./hosts.js";
import { Lifecycle, explainHuman } from "./lifecycle.js";
import { findByFolder, findByToken, RESOURCES } from "./registry.js";
import type { AnyResource } from "./registry.js";
import { formatId, ONLY_ONE, parseId } from "./resource-id.js";
import { renderSchema } from "./schema.js";
import * as wire from "./wire.js";

export const VERSION = "0.1.0";

type Handler<Request, Reply> = (request: Request) => Promise<Reply> | Reply;

/** A failure that already is what gRPC shall send. */
class WireError extends Error {
  constructor(readonly reply: Partial<grpc.ServiceError>) {
    super(reply.details ?? "");
  }
}

export interface ServiceOptions {
  hosts: Hosts;
  /** Aborted by the engine's Cancel: changes under way end as partly done. */
  abort: AbortController;
  log: EngineLog;
}

export function makeService({ hosts, abort, log }: ServiceOptions): Partial<providerGrpc.IResourceProviderServer> {
  const lifecycle = new Lifecycle(hosts, RESOURCES, abort.signal);
  /** The engine asks for a diff in its refresh and again in its plan: a person is told once. */
  const told = new Set<string>();

  const answer =
    <Request, Reply>(handler: Handler<Request, Reply>): grpc.handleUnaryCall<Request, Reply> =>
    (call, callback) => {
      Promise.resolve(call.request)
        .then(handler)
        .finally(() => log.flush())
        .then(
          (reply) => callback(null, reply),
          (error: unknown) => callback(error instanceof WireError ? error.reply : wire.plainFailure(error)),
        );
    };

  return {
    handshake: answer((request) => {
      log.connect(request.getEngineAddress());
      return wire.handshakeReply();
    }),
    getPluginInfo: answer(() => wire.pluginInfoReply(VERSION)),
    getSchema: answer(() => wire.schemaReply(renderSchema(RESOURCES, VERSION))),
    checkConfig: answer((request) => wire.checkReply(wire.fromStruct(request.getNews()), [])),
    diffConfig: answer(() => wire.noDiffReply()), // a Mac at another address is still the same Mac
    configure: answer(() => wire.configureReply()),

    check: answer((request) => {
      const news = wire.fromStruct(request.getNews());
      const resource = resourceOf(request.getType(), request.getUrn());
      const problems = checkInputs(resource, news, hosts.names());
      return wire.checkReply(problems.length === 0 ? completeInputs(resource, news) : news, problems);
    }),

    diff: answer((request) => {
      const resource = resourceOf(request.getType(), request.getUrn());
      const [olds, news] = [wire.fromStruct(request.getOlds()), wire.fromStruct(request.getNews())];
      const diff = diffResource(resource, olds, news, wire.fromStruct(request.getOldInputs()));
      const voice = log.voiceFor(request.getUrn());
      const first = diff.human[0];
      if (first !== undefined && !told.has(request.getUrn())) {
        told.add(request.getUrn());
        voice.warn(explainHuman(String(news["host"]), resource, first, diff.human).message);
      }
      return wire.diffReply(diff);
    }),

    read: answer(async (request) => {
      const id = request.getId();
      const resource = findByFolder(parseId(id)?.folder ?? "") ?? resourceOf(request.getType(), request.getUrn());
      const state = wire.fromStruct(request.getProperties());
      const inputs = wire.fromStruct(request.getInputs());
      return wire.readReply(await lifecycle.read(resource, id, state, inputs, log.voiceFor(request.getUrn())));
    }),

    create: answer(async (request) => {
      const resource = resourceOf(request.getType(), request.getUrn());
      const inputs = wire.fromStruct(request.getProperties());
      const voice = log.voiceFor(request.getUrn());
      if (request.getPreview()) {
        const name = typeof inputs["name"] === "string" ? inputs["name"] : ONLY_ONE;
        const id = formatId({ host: String(inputs["host"]), folder: resource.folder, name });
        return wire.createReply({ id, outputs: await lifecycle.previewChange(resource, inputs, undefined, voice) });
      }
      const result = await lifecycle.converge(resource, inputs, undefined, voice);
      if (result.failure !== undefined) throw new WireError(wire.partialFailure(result, result.failure, inputs));
      return wire.createReply(result);
    }),

    update: answer(async (request) => {
      const resource = resourceOf(request.getType(), request.getUrn());
      const inputs = wire.fromStruct(request.getNews());
      const voice = log.voiceFor(request.getUrn());
      const last = { inputs: wire.fromStruct(request.getOldInputs()), outputs: wire.fromStruct(request.getOlds()) };
      if (request.getPreview()) {
        return wire.updateReply(await lifecycle.previewChange(resource, inputs, last.outputs, voice));
      }
      const result = await lifecycle.converge(resource, inputs, last, voice);
      if (result.failure !== undefined) throw new WireError(wire.partialFailure(result, result.failure, inputs));
      return wire.updateReply(result.outputs);
    }),

    delete: answer(async (request) => {
      const resource = resourceOf(request.getType(), request.getUrn());
      const inputs = wire.fromStruct(request.getOldInputs());
      await lifecycle.remove(resource, request.getId(), inputs, log.voiceFor(request.getUrn()));
      return wire.emptyReply();
    }),

    // It also comes at every normal end, when nothing is under way any more.
    cancel: answer(() => {
      abort.abort();
      return wire.emptyReply();
    }),
  };
}

/** Newer engines send the type, older ones only the URN: `urn:pulumi:stack::project::parent$token::name`. */
function resourceOf(type: string, urn: string): AnyResource {
  const token = type === "" ? (urn.split("::")[2]?.split("$").at(-1) ?? "") : type;
  const resource = findByToken(token);
  if (resource !== undefined) return resource;
  throw new MacfoundryError({
    code: "CONFIG_INVALID",
    cause: `the provider has no resource ${JSON.stringify(token)}`,
    remedy: `use one of ${RESOURCES.map((known) => known.type).join(", ")}`,
  });
}
