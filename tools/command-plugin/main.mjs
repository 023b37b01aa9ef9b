// A stand-in for Pulumi's command plugin 1.2.1, for machines that cannot download it. Answers the npm package of the same
// version; what it does not know it refuses by name. Set-up puts it into a PULUMI_HOME of our own only.
import { randomBytes } from "node:crypto";
import grpc from "@grpc/grpc-js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { TYPES, perform, runCommand } from "./commands.mjs";
import { cancelAll } from "./run.mjs";
import { diffProperties } from "./diff.mjs";
import {
  fromStruct,
  hasSecret,
  hasUnknown,
  listSecretTexts,
  redact,
  toStruct,
  unknown,
  unwrap,
  wrapSecret,
} from "./values.mjs";

const VERSION = "1.2.1";
const PARENT_CHECK_MS = 2000;
const engineAddress = process.argv.slice(2).findLast((word) => !word.startsWith("-"));
const engine =
  engineAddress === undefined
    ? undefined
    : new engineGrpc.EngineClient(engineAddress, grpc.credentials.createInsecure());

function log(urn, message) {
  if (engine === undefined) return;
  const request = new enginePb.LogRequest();
  request.setUrn(urn);
  request.setMessage(message);
  request.setSeverity(enginePb.LogSeverity.INFO);
  engine.log(request, () => {});
}

/** The inputs as they came, envelopes and all, and the outputs as secret as the inputs are. */
async function act({ type, urn, raw, action, rawOlds }) {
  if (!TYPES.has(type))
    throw new Error(`the stand-in for the command plugin ${VERSION} knows no ${type}: install the real plugin`);
  const secrets = [...listSecretTexts(raw), ...listSecretTexts(rawOlds ?? {})];
  const onLine = (line) => log(urn, redact(line, secrets));
  try {
    const olds = rawOlds === undefined ? undefined : unwrap(rawOlds);
    const outputs = await perform({ type, inputs: unwrap(raw), action, olds, onLine });
    const isSecret = hasSecret(raw);
    const entries = Object.entries(outputs ?? {}).map(([name, value]) => [name, isSecret ? wrapSecret(value) : value]);
    return { ...raw, ...Object.fromEntries(entries) };
  } catch (error) {
    throw new Error(redact(error.message, secrets));
  }
}

const describePreview = (type, raw) =>
  type === "command:remote:CopyToRemote" ? raw : { ...raw, stdout: unknown, stderr: unknown };

function answer(make) {
  return (call, callback) => {
    Promise.resolve()
      .then(() => make(call.request))
      .then(
        (response) => callback(null, response),
        (error) => callback({ code: grpc.status.UNKNOWN, details: error.message }),
      );
  };
}

function check(request) {
  const response = new pb.CheckResponse();
  response.setInputs(request.getNews());
  return response;
}

function diff(request) {
  const response = new pb.DiffResponse();
  response.setHasdetaileddiff(true);
  const paths = diffProperties(unwrap(fromStruct(request.getOldInputs())), unwrap(fromStruct(request.getNews())));
  for (const name of paths) {
    const detail = new pb.PropertyDiff();
    detail.setKind(pb.PropertyDiff.Kind.UPDATE);
    detail.setInputdiff(true);
    response.getDetaileddiffMap().set(name, detail);
    response.addDiffs(name.split(/[.[]/)[0]);
  }
  const { DIFF_SOME, DIFF_NONE } = pb.DiffResponse.DiffChanges;
  response.setChanges(paths.length > 0 ? DIFF_SOME : DIFF_NONE);
  return response;
}

async function create(request) {
  const response = new pb.CreateResponse();
  const [type, raw] = [request.getType(), fromStruct(request.getProperties())];
  if (request.getPreview() || hasUnknown(raw)) {
    response.setProperties(toStruct(describePreview(type, raw)));
    return response;
  }
  const properties = await act({ type, urn: request.getUrn(), raw, action: "create" });
  response.setProperties(toStruct(properties));
  response.setId(request.getName() + randomBytes(4).toString("hex"));
  return response;
}

async function update(request) {
  const response = new pb.UpdateResponse();
  const [type, raw, rawOlds] = [request.getType(), fromStruct(request.getNews()), fromStruct(request.getOlds())];
  const properties =
    request.getPreview() || hasUnknown(raw)
      ? describePreview(type, raw)
      : await act({ type, urn: request.getUrn(), raw, action: "update", rawOlds });
  response.setProperties(toStruct(properties));
  return response;
}

async function remove(request) {
  const raw = fromStruct(request.getProperties());
  await act({ type: request.getType(), urn: request.getUrn(), raw, action: "delete", rawOlds: raw });
  return new emptyPb.Empty();
}

function read(request) {
  const response = new pb.ReadResponse();
  response.setId(request.getId());
  response.setProperties(request.getProperties());
  response.setInputs(request.getInputs());
  return response;
}

async function invoke(request) {
  if (request.getTok() !== "command:local:run") {
    throw new Error(
      `the stand-in for the command plugin ${VERSION} knows no ${request.getTok()}: install the real plugin`,
    );
  }
  const inputs = unwrap(fromStruct(request.getArgs()));
  const response = new pb.InvokeResponse();
  const outputs = await runCommand("command:local:Command", inputs, inputs.command, undefined, () => {});
  response.setReturn(toStruct({ ...inputs, ...outputs }));
  return response;
}

function configure() {
  const response = new pb.ConfigureResponse();
  response.setSupportspreview(true);
  response.setAcceptsecrets(true);
  return response;
}

function handshake() {
  const response = new pb.ProviderHandshakeResponse();
  response.setAcceptSecrets(true);
  return response;
}

function diffConfig() {
  const response = new pb.DiffResponse();
  response.setChanges(pb.DiffResponse.DiffChanges.DIFF_NONE);
  return response;
}

function describePlugin() {
  const info = new pluginPb.PluginInfo();
  info.setVersion(VERSION);
  return info;
}

function cancel() {
  cancelAll();
  return new emptyPb.Empty();
}

const server = new grpc.Server();
server.addService(providerGrpc.ResourceProviderService, {
  handshake: answer(handshake),
  getPluginInfo: answer(describePlugin),
  checkConfig: answer(check),
  diffConfig: answer(diffConfig),
  configure: answer(configure),
  check: answer(check),
  diff: answer(diff),
  create: answer(create),
  update: answer(update),
  delete: answer(remove),
  read: answer(read),
  invoke: answer(invoke),
  cancel: answer(cancel),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`${port}\n`);
});

function stop() {
  cancelAll();
  process.exit(0);
}
process.on("SIGINT", stop);
process.on("SIGTERM", stop);
// A killed engine sends no Cancel: an orphan must not go on working beside its successor.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) stop();
}, PARENT_CHECK_MS).unref();
