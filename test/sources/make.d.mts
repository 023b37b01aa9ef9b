export interface ArchivePin {
  path: string;
  sha256: string;
}

export interface GitPin {
  git: string;
  commit: string;
}

export type MadeSources = Record<string, ArchivePin | GitPin> & { brew: GitPin; "opam-repository": GitPin };

export function makeSources(
  folder: string,
  options?: { ocamlVersion?: string; opamFile?: string; opamVersions?: string[] },
): MadeSources;
export function makeBrew(folder: string): GitPin;
export function makeOpamRepository(folder: string, ocamlVersion?: string): GitPin;
