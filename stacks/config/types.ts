/**
 * A stack's configuration as the program sees it: checked, defaults filled in, relative paths made absolute when the
 * file's folder is known. docs/config.md explains every key to an operator.
 */

export type Arch = "x86_64" | "arm64";

/**
 * Text that the stack file may hold encrypted (`secure: …`). Encrypted text is never decrypted here: `secretPath` names
 * the place, so that the program can take the plain value from Pulumi's own configuration and wrap it as a secret.
 */
export type Text = string | SecretText;

export interface SecretText {
  /** Key with its namespace, then properties and indices: `["fleet:images", "ocaml-4.13", "test"]`. */
  readonly secretPath: readonly (string | number)[];
}

export interface StackConfig {
  /** As given to the loader. */
  readonly fileName: string;
  /** In the file's order; empty when the stack has no `macfoundry:hosts`. */
  readonly hosts: readonly HostEntry[];
  readonly expect: Expectation;
  /** Hosts that are only looked at, never changed. */
  readonly observe: "all" | readonly string[];
  readonly prefix: PrefixEntry;
  readonly builders: readonly BuilderEntry[];
  readonly compilers: readonly CompilerEntry[];
  readonly store: StoreEntry;
  /** Every image comes after those it starts from. */
  readonly images: readonly ImageEntry[];
  readonly sources: Readonly<Record<string, SourceEntry>>;
}

export interface HostEntry {
  readonly name: string;
  readonly address: Text;
  readonly port: number;
  readonly user: Text;
  readonly identity?: Text | undefined;
  /** `ssh-ed25519 AAAA…`; absent only for `local`. */
  readonly hostKey?: Text | undefined;
  readonly jump?: Text | undefined;
  readonly local: boolean;
  readonly deleteUnreachable: boolean;
}

export interface Expectation {
  readonly arch: Arch;
  /** `14` or `14.5`: a prefix of the Mac's version in whole components; undefined accepts every supported one. */
  readonly macos?: string | undefined;
  readonly sip: "any" | "enabled" | "disabled";
  readonly macfuse: "any" | "absent" | "loaded";
}

/** Where Homebrew lives on these Macs: `/usr/local` (x86_64), `/opt/homebrew` (arm64). */
export interface PrefixEntry {
  readonly path: string;
  /** `none`: the prefix is in place and belongs to the one builder that has images. */
  readonly redirect: "none";
}

export interface BuilderEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly fullName: string;
  readonly shell: string;
  readonly home: string;
  readonly hidden: boolean;
  /** Further groups, by name. */
  readonly groups: readonly string[];
  /** Take over an account of this name and uid that macfoundry did not make. */
  readonly adopt: boolean;
}

export interface CompilerEntry {
  readonly version: string;
  /** Folder with `bin/ocamlc`. */
  readonly prefix: string;
  /** Key of `sources`; undefined when an existing prefix is adopted. */
  readonly source?: string | undefined;
  readonly configureArgs: readonly string[];
  readonly adopt: boolean;
}

export interface StoreEntry {
  readonly engine: "rsync" | "clone";
  readonly mode: "copy" | "hardlink" | "hardlink_unsafe";
  /** On the Mac; each builder has a folder of its own below it. */
  readonly path: string;
}

interface ImageCommon {
  readonly name: string;
  /** A name in `builders`; the same for all images of a stack as long as nothing redirects the prefix. */
  readonly builder: string;
  /** How many older publications stay on the Mac, for a rollback. */
  readonly keep: number;
  /** Command that must succeed as the builder after the build, before activation. */
  readonly test?: Text | undefined;
  /** Set before the spec's own steps, in the file's order. Part of the recipe and visible on the Mac: never a secret. */
  readonly env: Readonly<Record<string, string>>;
  /** `deny`: steps cannot reach the network. */
  readonly network: "allow" | "deny";
}

/** The OCaml base image, whose spec macfoundry writes itself (`spec: ocaml`). */
export interface OcamlImageEntry extends ImageCommon {
  readonly kind: "ocaml";
  /** A version in `compilers`. */
  readonly compiler: string;
  /** opam versions installed beside each other, `2.0` as `opam-2.0`; each has a source of that name. */
  readonly opam: readonly string[];
  /** The one that `opam` means. */
  readonly defaultOpam: string;
}

/** An image from a spec file of the operator's own. */
export interface SpecImageEntry extends ImageCommon {
  readonly kind: "spec";
  /** Path on the controller. */
  readonly spec: string;
  /** Folder that `copy` steps read; undefined when the spec needs none. */
  readonly context?: string | undefined;
  /** What a `(from NAME)` of the spec means: NAME to an image of this stack. */
  readonly from: Readonly<Record<string, string>>;
}

export type ImageEntry = OcamlImageEntry | SpecImageEntry;

export type SourceEntry = ArchiveSource | GitSource;

export interface ArchiveSource {
  readonly kind: "archive";
  readonly name: string;
  /** On the controller. */
  readonly path: Text;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface GitSource {
  readonly kind: "git";
  readonly name: string;
  /** A folder on the controller or anything `git fetch` takes. */
  readonly git: Text;
  /** Full commit id, lower-case hex. */
  readonly commit: string;
  /** A ref that has the commit, for servers that do not give out bare commit ids. */
  readonly ref?: string | undefined;
}

/** Something wrong with a stack file. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** As `pulumi config set --path` takes it: `fleet:images["ocaml-4.13"].keep`, `fleet:builders[0].uid`. */
  readonly path: string;
  /** One clause; shows the value unless it is encrypted. */
  readonly reason: string;
  /** The next step for a person. */
  readonly remedy: string;
}

export type LoadResult =
  | { readonly ok: true; readonly config: StackConfig }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export function isSecret(text: Text): text is SecretText {
  return typeof text !== "string";
}
