import {
  DEFAULT_GID,
  DEFAULT_KEEP,
  DEFAULT_SHELL,
  DEFAULT_STORE_PATH,
  defaultCompilerPrefix,
  defaultHome,
  PREFIXES,
} from "./defaults.js";
import type { Path } from "./paths.js";
import type { RawBuilder, RawCompiler, RawConfig, RawHost, RawImage, RawSource, RawText } from "./raw.js";
import { orderImages } from "./rules/cycles.js";
import type { BuilderEntry, CompilerEntry, HostEntry, ImageEntry, SourceEntry, StackConfig, Text } from "./types.js";

/** The typed configuration with its defaults. Only for values that shapes and rules have passed. */
export function fillConfig(raw: RawConfig, fileName: string): StackConfig {
  const arch = must(raw["fleet:expect"]?.arch);
  const expect = raw["fleet:expect"];
  const observe = raw["fleet:observe"] ?? false;
  const images = raw["fleet:images"] ?? {};
  return {
    fileName,
    hosts: Object.entries(raw["macfoundry:hosts"] ?? {}).map(([name, host]) => fillHost(name, host)),
    expect: { arch, macos: expect?.macos, sip: expect?.sip ?? "any", macfuse: expect?.macfuse ?? "any" },
    observe: Array.isArray(observe) ? observe.map(must) : String(observe) === "true" ? "all" : [],
    prefix: { path: raw["fleet:prefix"]?.path ?? PREFIXES[arch], redirect: "none" },
    builders: (raw["fleet:builders"] ?? []).map((builder) => fillBuilder(must(builder))),
    compilers: (raw["fleet:compilers"] ?? []).map((compiler) => fillCompiler(must(compiler))),
    store: {
      engine: raw["fleet:store"]?.engine ?? "rsync",
      mode: raw["fleet:store"]?.mode ?? "copy",
      path: raw["fleet:store"]?.path ?? DEFAULT_STORE_PATH,
    },
    images: orderImages(images).order.map((name) => fillImage(name, must(images[name]))),
    sources: Object.fromEntries(
      Object.entries(raw["fleet:sources"] ?? {}).map(([name, source]) => [name, fillSource(name, source)]),
    ),
  };
}

function fillHost(name: string, host: RawHost): HostEntry {
  const path = ["macfoundry:hosts", name];
  const hostKey = fillText(host.hostKey, [...path, "hostKey"]);
  return {
    name,
    address: fillText(host.address, [...path, "address"]) ?? "localhost",
    port: host.port ?? 22,
    user: fillText(host.user, [...path, "user"]) ?? "root",
    identity: fillText(host.identity, [...path, "identity"]),
    // A comment after the key is the person's, not the key's.
    hostKey: typeof hostKey === "string" ? hostKey.trim().split(/\s+/).slice(0, 2).join(" ") : hostKey,
    jump: fillText(host.jump, [...path, "jump"]),
    local: host.local ?? false,
    deleteUnreachable: host.deleteUnreachable ?? false,
  };
}

function fillBuilder(builder: RawBuilder): BuilderEntry {
  const name = must(builder.name);
  return {
    name,
    uid: must(builder.uid),
    gid: builder.gid ?? DEFAULT_GID,
    fullName: builder.fullName ?? name,
    shell: builder.shell ?? DEFAULT_SHELL,
    home: builder.home ?? defaultHome(name),
    hidden: builder.hidden ?? true,
    groups: (builder.groups ?? []).map(must),
    adopt: builder.adopt ?? false,
  };
}

function fillCompiler(compiler: RawCompiler): CompilerEntry {
  const version = must(compiler.version);
  return {
    version,
    prefix: compiler.prefix ?? defaultCompilerPrefix(version),
    source: compiler.source,
    configureArgs: (compiler.configureArgs ?? []).map(must),
    adopt: compiler.adopt ?? false,
  };
}

function fillImage(name: string, image: RawImage): ImageEntry {
  const common = {
    name,
    builder: must(image.builder),
    keep: image.keep ?? DEFAULT_KEEP,
    test: fillText(image.test, ["fleet:images", name, "test"]),
    env: fillMap(image.env),
    network: image.network ?? "allow",
  };
  if (image.spec === "ocaml") {
    return {
      ...common,
      kind: "ocaml",
      compiler: must(image.compiler),
      opam: must(image.opam).map(must),
      defaultOpam: must(image.default),
    };
  }
  return { ...common, kind: "spec", spec: must(image.spec), context: image.context, from: fillMap(image.from) };
}

function fillSource(name: string, source: RawSource): SourceEntry {
  const path = ["fleet:sources", name];
  if (source.git !== undefined) {
    const git = must(fillText(source.git, [...path, "git"]));
    return { kind: "git", name, git, commit: must(source.commit), ref: source.ref };
  }
  return { kind: "archive", name, path: must(fillText(source.path, [...path, "path"])), sha256: must(source.sha256) };
}

function fillText(text: RawText | undefined, path: Path): Text | undefined {
  return typeof text === "object" ? { secretPath: path } : text;
}

function fillMap(map: Record<string, string | undefined> | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).map(([key, value]) => [key, must(value)]));
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError("a value that the checks had passed is missing");
  return value;
}
