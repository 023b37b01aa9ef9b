// Property values as the engine sends them: secrets in envelopes, unknowns as one fixed text.
import structPb from "google-protobuf/google/protobuf/struct_pb.js";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const isObject = (value) => typeof value === "object" && value !== null;
const isSecret = (value) => isObject(value) && value[SIGNATURE] === SECRET;

export const toStruct = (properties) => structPb.Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)));
export const fromStruct = (struct) => struct?.toJavaScript() ?? {};

export function wrapSecret(value) {
  return { [SIGNATURE]: SECRET, value };
}

/** The same value without envelopes. Assets keep theirs: theirs has another signature. */
export function unwrap(value) {
  if (isSecret(value)) return unwrap(value.value);
  if (Array.isArray(value)) return value.map(unwrap);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unwrap(item)]));
}

export function hasSecret(value) {
  return isObject(value) && (isSecret(value) || Object.values(value).some(hasSecret));
}

export function hasUnknown(value) {
  return value === UNKNOWN || (isObject(value) && Object.values(value).some(hasUnknown));
}

export const unknown = UNKNOWN;

/** Texts that must not show: whatever is secret among the inputs, but of a connection (secret as a whole) only its credentials. */
export function listSecretTexts(inputs) {
  const { connection, ...rest } = inputs;
  const found = [];
  const collect = (value, within) => {
    if (isSecret(value)) collect(value.value, true);
    else if (isObject(value)) Object.values(value).forEach((item) => collect(item, within));
    else if (within && String(value).length > 3) found.push(String(value));
  };
  collect(rest, false);
  const plain = unwrap(connection);
  for (const part of [plain, plain?.proxy]) {
    for (const key of ["privateKey", "privateKeyPassword", "password"]) if (part?.[key]) collect(part[key], true);
  }
  return found;
}

export function redact(text, secrets) {
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, "[secret]"), text);
}
