import type { Props } from "../resource.js";

export interface CompilerInput extends Props {
  /** `4.13.1` */
  version: string;
  /** Folder with `bin/ocamlc`. */
  prefix: string;
  /** Of the source archive; absent: the compiler at `prefix` is adopted as it is. */
  sourceSha256?: string;
  configureArgs: string[];
}

export interface CompilersInputs extends Props {
  host: string;
  compilers: CompilerInput[];
  /** Who compiles: an account without rights. Root only installs. */
  builder: { name: string; uid: number };
  /** Archives on the controller, by sha256. */
  archives: Record<string, string>;
}

export interface CompilerObserved extends Props {
  version: string;
  prefix?: string;
  /** What `ocamlc -version` says; "absent" when nothing answers. */
  installed?: string;
  sourceSha256?: string | undefined;
  configureArgs?: string[];
}

export interface CompilersObserved extends Props {
  compilers: CompilerObserved[];
}

/** One record of what macfoundry installed or adopted, and what answers there now. */
export interface CompilerFact extends Props {
  version: string;
  prefix: string;
  sourceSha256: string | undefined;
  configureArgs: string[];
  installed: string;
}

/** The record's line: JSON, written and read by us alone, kept as it is by the Mac. */
export function renderRecord({ prefix, sourceSha256, configureArgs }: CompilerInput): string {
  return JSON.stringify({ prefix, sourceSha256, configureArgs });
}
