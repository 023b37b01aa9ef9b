/**
 * JSON Schema (draft 07, which editors' YAML support reads) of a stack file. `stacks/schema.json` is this object,
 * written out by `node stacks/write-schema.mjs`; a test compares the two. What a schema cannot say (references, digests, account names) is in `rules/`.
 * `description`s are what an editor shows, so they speak to the operator.
 */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { $ref: "#/definitions/text" };
const secure: Schema = {
  description: "Encrypted by Pulumi (`pulumi config set --secret --path …`).",
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
};

function string(description: string, more: Schema = {}): Schema {
  return { description, type: "string", minLength: 1, ...more };
}

function secretable(description: string): Schema {
  return { description, ...text };
}

function flag(description: string, fallback: boolean): Schema {
  return { description, type: "boolean", default: fallback };
}

function choice(description: string, values: readonly string[], more: Schema = {}): Schema {
  return { description, type: "string", enum: values, ...more };
}

function record(description: string, properties: Schema, required: readonly string[] = [], more: Schema = {}): Schema {
  return { description, type: "object", properties, required, additionalProperties: false, ...more };
}

function table(description: string, values: Schema): Schema {
  return { description, type: "object", additionalProperties: values };
}

function list(description: string, items: Schema, more: Schema = {}): Schema {
  return { description, type: "array", items, ...more };
}

const host = record("How one Mac is reached.", {
  address: secretable("Name or address, as ssh takes it; an alias of your ssh_config works too."),
  port: { description: "Port of the Mac's SSH server.", type: "integer", minimum: 1, maximum: 65535, default: 22 },
  user: secretable("Account with sudo and without a password prompt for it."),
  identity: secretable("Path of a private key, absolute or from `~/`. Without one, the agent and ssh_config decide."),
  hostKey: secretable("The Mac's public host key, `ssh-ed25519 AAAA…` (`ssh-keyscan -t ed25519 ADDRESS`)."),
  jump: secretable("`[user@]host[:port]`, several separated by commas, as for `ssh -J`."),
  local: flag("The Mac one sits at: no SSH, sudo only.", false),
  deleteUnreachable: flag("Let go of a Mac that is gone for good: deletes leave it out.", false),
});

const expect = record(
  "What every Mac of this stack must be.",
  {
    arch: choice("The hardware's architecture. Another one is refused.", ["x86_64", "arm64"]),
    macos: string('Version in whole components, "14" or "14.5". Another one is refused.', {
      pattern: "^[0-9]+(\\.[0-9]+){0,2}$",
    }),
    sip: choice("System Integrity Protection; a difference needs a person.", ["any", "enabled", "disabled"], {
      default: "any",
    }),
    macfuse: choice("macFUSE's kernel extension; a difference needs a person.", ["any", "absent", "loaded"], {
      default: "any",
    }),
  },
  ["arch"],
);

const builder = record(
  "One build user on each Mac: no password, no login.",
  {
    name: string("Short account name, such as mac705."),
    uid: { description: "Above 501, the same on each Mac.", type: "integer" },
    gid: { description: "Primary group; 20 is staff.", type: "integer", minimum: 0, default: 20 },
    fullName: string("Shown in lists of users; the name when left out."),
    shell: string("Absolute path.", { default: "/bin/bash" }),
    home: string("Absolute path; /Users/NAME when left out."),
    hidden: flag("Not shown at the login window.", true),
    groups: list("Further groups, by name.", string("A group's name."), { uniqueItems: true, default: [] }),
    adopt: flag("Take over an account of this name and uid that is there already.", false),
  },
  ["name", "uid"],
);

const compiler = record(
  "An OCaml compiler, each version in a prefix of its own.",
  {
    version: string('Quoted, such as "4.13.1".', { pattern: "^[0-9]+\\.[0-9]+\\.[0-9]+([+~-][0-9A-Za-z.+~-]+)?$" }),
    source: string("Key of the source archive in fleet:sources."),
    prefix: string("Absolute path on the Mac; /Library/macfoundry/ocaml/VERSION when left out."),
    configureArgs: list("Further arguments for ./configure.", { type: "string", minLength: 1 }, { default: [] }),
    adopt: flag("Use the compiler that is in `prefix` already.", false),
  },
  ["version"],
);

const store = record("Where build results are kept on each Mac.", {
  engine: choice("How results are stored; `clone` needs APFS.", ["rsync", "clone"], { default: "rsync" }),
  mode: choice("How a result relates to the one before it.", ["copy", "hardlink", "hardlink_unsafe"], {
    default: "copy",
  }),
  path: string("Absolute path on the volume of /Users.", { default: "/var/db/macfoundry/store" }),
});

const image = record(
  "A versioned base directory, /Users/IMAGE@RECIPE.",
  {
    builder: string("A name in fleet:builders."),
    spec: string(
      "`ocaml` for macfoundry's own OCaml base image, or the path of a spec file (from this file's folder).",
    ),
    context: string("Folder that the spec's copy steps read (from this file's folder)."),
    from: table("What (from NAME) in the spec means: NAME to an image of this stack.", string("An image's name.")),
    compiler: string("A version in fleet:compilers. Only with `spec: ocaml`."),
    opam: list('opam versions, such as ["2.0", "2.1"]. Only with `spec: ocaml`.', string("Quoted."), {
      minItems: 1,
      uniqueItems: true,
    }),
    default: string("The version that `opam` means. Only with `spec: ocaml`."),
    keep: {
      description: "Older publications kept for a rollback.",
      type: "integer",
      minimum: 1,
      maximum: 100,
      default: 3,
    },
    test: secretable("Command that must succeed as the builder before the image is activated."),
    env: table("Environment of the steps; images on top set their own.", { type: "string" }),
    network: choice("Whether steps may use the network.", ["allow", "deny"], { default: "allow" }),
  },
  ["builder", "spec"],
);

const source = record("A pinned input: an archive by path and sha256, or git by commit.", {
  path: secretable("A file on this machine: absolute, from `~/`, or from this file's folder."),
  sha256: string("64 hex digits.", { pattern: "^[0-9a-f]{64}$" }),
  git: secretable("A repository: a folder on this machine, or what `git fetch` takes."),
  commit: string("The full commit id.", { pattern: "^[0-9a-f]{40}$" }),
  ref: string("A branch or tag that has the commit, for servers that give out no bare commits."),
});

export const configSchema: Schema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "A macfoundry stack",
  description: "Pulumi.STACK.yaml: one pool of Macs of one architecture.",
  type: "object",
  properties: {
    config: {
      type: "object",
      properties: {
        "macfoundry:hosts": table("The Macs of this stack, by the name that every message uses.", host),
        "fleet:expect": expect,
        "fleet:observe": {
          description: "true, or names of hosts: look and compare, change nothing.",
          // Pulumi writes a plain true back as text whenever it saves the file (`pulumi stack init` does).
          anyOf: [
            { type: "boolean" },
            { enum: ["true", "false"] },
            list("Names of hosts.", string("A host's name."), { uniqueItems: true }),
          ],
          default: false,
        },
        "fleet:prefix": record("Where Homebrew lives.", {
          path: string("Absolute path; /usr/local or /opt/homebrew by architecture when left out."),
          redirect: choice("`none`: the prefix is in place, for one builder.", ["none"], { default: "none" }),
        }),
        "fleet:builders": list("Build users, the same on each Mac.", builder),
        "fleet:compilers": list("OCaml compilers outside of the images.", compiler),
        "fleet:store": store,
        "fleet:images": table("Base images by name.", image),
        "fleet:sources": table("Pinned inputs by name.", source),
      },
      required: ["fleet:expect"],
      // Other packages' settings (`pulumi:…`, `aws:…`) are theirs; ours are listed above in full.
      patternProperties: { "^(?!fleet:|macfoundry:)[^:]+:.+$": true },
      additionalProperties: false,
    },
    encryptionsalt: { type: "string" },
    secretsprovider: { type: "string" },
    encryptedkey: { type: "string" },
    environment: true,
  },
  required: ["config"],
  additionalProperties: false,
  definitions: { secure, text: { anyOf: [{ type: "string", minLength: 1 }, { $ref: "#/definitions/secure" }] } },
};
