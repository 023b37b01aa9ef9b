import { expect } from "@jest/globals";
import { loadStackConfig, renderProblems } from "../../../stacks/config/load.js";
import type { ConfigProblem, StackConfig } from "../../../stacks/config/types.js";

export const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINzW667IyHcaJXlc0QUrCU4Q55Sdu2CcDixn5mL/7PD9";
export const SHA256 = "c2d706432f93ba85bd3383fa451d74543c32a4e84a1afaf3e8ace18f7f097b43";
export const COMMIT = "5d6989723a8fe807df9042550ba8d837ef3c7f5e";

/** A valid stack by top-level keys, one line each; a test replaces, adds or (with undefined) leaves out some. */
export const GOOD: Readonly<Record<string, string>> = {
  "macfoundry:hosts": `{ mac-a: { address: 127.77.1.1, user: administrator, hostKey: "${HOST_KEY}" } }`,
  "fleet:expect": `{ arch: arm64 }`,
  "fleet:builders": `[{ name: mac705, uid: 705 }]`,
  "fleet:compilers": `[{ version: "4.13.1", source: ocaml }]`,
  "fleet:store": `{ path: /var/db/store }`,
  "fleet:images": `{ base: { builder: mac705, spec: ocaml, compiler: "4.13.1", opam: ["2.1"], default: "2.1" } }`,
  "fleet:sources": [
    `{ ocaml: { path: ./o.tar.gz, sha256: ${SHA256} }, opam-2.1: { path: ./opam, sha256: ${SHA256} }`,
    `brew: { git: ./brew, commit: "${COMMIT}" }, opam-repository: { git: ./opam-repository, commit: "${COMMIT}" } }`,
  ].join(", "),
};

export function stack(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const entries = Object.entries({ ...GOOD, ...changes }).filter(([, value]) => value !== undefined);
  return `config:\n${entries.map(([key, value]) => `  ${key}: ${value}\n`).join("")}`;
}

export function load(text: string): StackConfig {
  const loaded = loadStackConfig(text, "Pulumi.x.yaml");
  if (!loaded.ok) throw new Error(renderProblems(loaded.problems));
  return loaded.config;
}

export function refuse(text: string): readonly ConfigProblem[] {
  const loaded = loadStackConfig(text, "Pulumi.x.yaml");
  if (loaded.ok) throw new Error("was accepted");
  return loaded.problems;
}

/** Path, reason and next step of the only problem of a stack with these changes. */
export function refuseOne(changes: Readonly<Record<string, string | undefined>>): string {
  const problems = refuse(stack(changes));
  expect(problems.map(({ path, reason }) => `${path}: ${reason}`)).toHaveLength(1);
  const [problem] = problems;
  return `${problem?.path}: ${problem?.reason} | ${problem?.remedy}`;
}

export function hostWith(fields: string): Record<string, string> {
  return { "macfoundry:hosts": `{ mac-a: { address: a, user: u, hostKey: "${HOST_KEY}", ${fields} } }` };
}

export function imageWith(fields: string): Record<string, string> {
  const image = `builder: mac705, spec: ocaml, compiler: "4.13.1", opam: ["2.1"], default: "2.1"`;
  return { "fleet:images": `{ base: { ${image} }, more: { builder: mac705, ${fields} } }` };
}
