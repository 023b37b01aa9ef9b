import { quoteWord, raw, sh } from "../../host/quote.js";
import { addRowSql } from "../store/database.js";
import { TREE_PERL } from "../store/digest.js";
import type { StoreEngine } from "../store/engine.js";
import type { Builder, StoreConfig } from "../store/layout.js";
import { renderVariables, STORE_SHELL } from "../store/shell.js";
import { PREFIX_SYNC, TREES_SHELL } from "../store/trees.js";
import { locateSandboxProfile } from "./command.js";
import { BUILD_SHELL, CRASH_SHELL } from "./shell.js";

/** One command of a job's script, with the name under which the crash test finds the moment before it. */
export interface Stage {
  point: string;
  shell: string;
}

export interface JobContext {
  store: StoreConfig;
  builder: Builder;
  engine: StoreEngine;
  tmpDir: string;
  /** Take over a prefix or home that holds something of others: it is set aside, never deleted. */
  isAdopting: boolean;
  /** Folder of the crash test: names of points are appended to `record`; at the one whose number is in `kill` everything ends. */
  crashDir?: string | undefined;
}

export interface StepScript {
  id: string;
  parent: string;
  /** Set the trees to the parent's result first: when they are not known to hold it. */
  isRestoring: boolean;
  /** Shell words of the command with and without `~/.obuilder_profile.sh`; stdin is the job's input. */
  command: { withProfile: string; without: string };
  sandboxProfile: string;
  /** Absolute targets, in order of the job's secret files `0`, `1`, …. */
  secrets: readonly string[];
  caches: readonly { name: string; target: string }[];
}

/**
 * A step from its start to its place in the store, as one job: it goes on and ends well without us. The output is the
 * command's alone; what our own commands say goes to `trouble`. Facts for the controller go to `report`, one a line:
 * `command-rc N`, `seconds PHASE N`, `kib N`, `note …`, `fault CODE …`, `survivor …`, `trouble …`.
 */
export function renderStepScript(context: JobContext, step: StepScript): string {
  const id = step.id;
  return renderJobScript(context, [
    {
      point: "check parent",
      shell: sh`parent=$store/result/${step.parent}; id=${id}; tmp=$store/result-tmp/$id\n[ -d "$parent/rootfs" ] || fault STORE_CORRUPT "result ${raw(step.parent)} is gone"`,
    },
    { point: "mark trees", shell: 'rm -f "$store/state/worktree"' },
    ...(step.isRestoring ? renderRestore("$parent") : []),
    {
      point: "prepare",
      shell: `${sh`sandbox_profile=${locateSandboxProfile(context.builder.uid)}; mkdir -p "$(dirname "$sandbox_profile")"; printf %s ${step.sandboxProfile} | write_file "$sandbox_profile"; chmod 0644 "$sandbox_profile"`}\nmkdir -p "$tmp_dir"\n[ "$(owner_of "$tmp_dir")" = "$uid" ] || chown "$uid:$gid" "$tmp_dir"`,
    },
    ...step.caches.map(({ name, target }) => ({ point: `cache ${name}`, shell: sh`enter_cache ${name} ${target}` })),
    ...step.secrets.map((target, index) => ({ point: `secret ${index}`, shell: sh`place_secret ${index} ${target}` })),
    {
      point: "command",
      shell: `begin=$(now)
if [ -e "$home/.obuilder_profile.sh" ]; then set -- ${step.command.withProfile}; else set -- ${step.command.without}; fi
rc=0
"$@" <&5 >&4 2>&4 || rc=$?
spent command "$begin"`,
    },
    { point: "reap", shell: "reap" },
    ...[...step.secrets.keys()].map((index) => ({
      point: `secret ${index} away`,
      shell: sh`remove_secret ${step.secrets[index] ?? ""}`,
    })),
    ...[...step.caches]
      .reverse()
      .map(({ name, target }) => ({ point: `cache ${name} back`, shell: sh`leave_cache ${name} ${target}` })),
    {
      point: "outcome",
      shell: 'printf "command-rc %s\\n" "$rc" >&3\nif [ "$rc" != 0 ]; then keep_failed; exit 0; fi\ncheck_local',
    },
    ...renderSave(addRowSql(id, step.parent), step.parent),
  ]);
}

/** Sets the builder's trees to a result. */
export function renderRestoreScript(context: JobContext, id: string): string {
  return renderJobScript(context, [
    {
      point: "check result",
      shell: sh`id=${id}; parent=$store/result/$id\n[ -d "$parent/rootfs" ] || fault STORE_CORRUPT "result $id is gone"`,
    },
    { point: "mark trees", shell: 'rm -f "$store/state/worktree"' },
    { point: "reap", shell: "reap" },
    ...renderRestore("$parent"),
    { point: "tidy", shell: "tidy" },
    { point: "mark restored", shell: 'printf "%s\\n" "$id" | write_file "$store/state/worktree"' },
  ]);
}

export interface BaseScript {
  id: string;
  /** Where its tree comes from; undefined for an empty base. */
  source: string | undefined;
  /** What the resolved base is, kept beside the result; undefined when nobody knows. */
  digest: string | undefined;
  /** Text of the `env` file. */
  env: string;
}

/** Makes a base's result. */
export function renderBaseScript(context: JobContext, base: BaseScript): string {
  const source = base.source;
  return renderJobScript(context, [
    {
      point: "base folder",
      shell: sh`id=${base.id}; tmp=$store/result-tmp/$id; rc=0; discard "$tmp"; mkdir "$tmp"; mkdir -m 755 "$tmp/rootfs"; chown "$uid:$gid" "$tmp/rootfs"`,
    },
    ...(source === undefined
      ? []
      : [
          {
            point: "base tree",
            shell: sh`[ -d ${source} ] || fault SOURCE_INVALID ${`base ${source} is not there`}\nbegin=$(now); engine_import ${source} "$tmp"; spent import "$begin"`,
          },
        ]),
    { point: "base env", shell: sh`printf %s ${base.env} >"$tmp/env"; : >"$tmp/log"` },
    {
      point: "base digest",
      shell:
        base.digest === undefined
          ? 'rm -f "$store/state/bases/$id"'
          : sh`printf '%s\n' ${base.digest} | write_file "$store/state/bases/$id"`,
    },
    { point: "result", shell: 'discard "$store/result/$id"\nrename "$tmp" "$store/result/$id"' },
    { point: "row", shell: sh`printf '%s\n' ${addRowSql(base.id, undefined)} | sql >/dev/null` },
    { point: "record", shell: "record_result -" },
  ]);
}

function renderRestore(result: string): Stage[] {
  return [
    { point: "claim trees", shell: "begin=$(now)\nclaim_trees" },
    { point: "restore", shell: `engine_restore "${result}"\nspent restore "$begin"` },
  ];
}

function renderSave(row: string, parent: string): Stage[] {
  return [
    { point: "new result", shell: 'begin=$(now)\ndiscard "$tmp"\nmkdir "$tmp"' },
    { point: "snapshot", shell: 'engine_snapshot "$parent" "$tmp"' },
    { point: "env", shell: '[ ! -e "$parent/env" ] || engine_env "$parent" "$tmp"' },
    { point: "log", shell: 'cp "$MACFOUNDRY_JOB/output" "$tmp/log"\nchmod 0644 "$tmp/log"' },
    { point: "result", shell: 'discard "$store/result/$id"\nrename "$tmp" "$store/result/$id"' },
    { point: "row", shell: sh`printf '%s\n' ${row} | sql >/dev/null` },
    { point: "mark saved", shell: 'printf "%s\\n" "$id" | write_file "$store/state/worktree"\nspent save "$begin"' },
    { point: "record", shell: sh`record_result ${parent}` },
  ];
}

export function renderJobScript(context: JobContext, stages: readonly Stage[]): string {
  const { crashDir } = context;
  const at = (stage: Stage) => (crashDir === undefined ? "" : `at ${quoteWord(stage.point)}\n`);
  return `set -eu
exec 3>>"$MACFOUNDRY_JOB/report" 4>&1 5<&0 </dev/null >>"$MACFOUNDRY_JOB/trouble" 2>&1
umask 022
${renderVariables(context.store, context.builder)}
${sh`tmp_dir=${context.tmpDir}
adopt=${context.isAdopting ? "yes" : "no"}
prefix_sync=$MACFOUNDRY_JOB/prefix_sync
empty=$MACFOUNDRY_JOB/empty
`}mkdir -p "$empty"
${sh`printf %s ${PREFIX_SYNC} >"$prefix_sync"
printf %s ${`${TREE_PERL}
1;
`} >"$MACFOUNDRY_JOB/tree_perl"`}
${STORE_SHELL}${TREES_SHELL}${BUILD_SHELL}${crashDir === undefined ? "" : `crash=${quoteWord(crashDir)}\n${CRASH_SHELL}`}${context.engine.shell}
trap 'rc=$?; [ $rc = 0 ] || [ $rc = 70 ] || tail -n 6 "$MACFOUNDRY_JOB/trouble" | sed "s/^/trouble /" >&3' EXIT
${stages.map((stage) => `${at(stage)}${stage.shell}\n`).join("")}`;
}
