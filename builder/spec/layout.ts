import type { Op, Spec } from "./ast.js";
import { asBytes, type ByteString } from "./bytes.js";
import { opToSexp } from "./canonical.js";
import { Formatter } from "./format.js";
import { writeAtom } from "./print.js";
import type { Sexp } from "./sexp.js";

/** The spec printer of the original: one op per line, `run` one field per line, `copy` on one line if it fits. */
export function printSpecLayout(spec: Spec): ByteString {
  const formatter = new Formatter();
  formatter.text("(").open("v");
  // Nested builds are written with a list of our own, so that nesting costs no call stack.
  const stack: { spec: Spec; next: number; isNested: boolean }[] = [{ spec, next: 0, isNested: false }];
  for (let top = stack[stack.length - 1]; top !== undefined; top = stack[stack.length - 1]) {
    const { builds, ops, from } = top.spec;
    const index = top.next++;
    if (index > builds.length + ops.length) {
      stack.pop();
      if (top.isNested) formatter.close().text(")").close().text(")");
      continue;
    }
    if (index > 0) formatter.breakHint(0);
    const build = builds[index];
    if (build !== undefined) {
      formatter.text("(").text("build").text(" ").open("v");
      writeAtom(formatter, build.name);
      formatter.breakHint(0).text("(").open("v");
      stack.push({ spec: build.spec, next: 0, isNested: true });
    } else if (index === builds.length) {
      writeOneLine(formatter, [asBytes("from"), from]);
    } else {
      const op = ops[index - builds.length - 1];
      if (op !== undefined) writeOp(formatter, op);
    }
  }
  return asBytes(formatter.close().breakHint(0).text(")").finish());
}

/** The heading of a step in a build's log: `WORKDIR: OP`, further lines aligned below the op's fields. */
export function printHeading(workdir: ByteString, op: Op): ByteString {
  const formatter = new Formatter();
  formatter.open("v", 2).text(workdir).text(": ");
  writeOp(formatter, op);
  return asBytes(formatter.close().finish());
}

/** One op in the layout of the spec printer. */
export function printOp(op: Op): ByteString {
  const formatter = new Formatter();
  writeOp(formatter, op);
  return asBytes(formatter.finish());
}

function writeOp(formatter: Formatter, op: Op): void {
  const sexp = opToSexp(op);
  if (op.op !== "run" && op.op !== "copy") {
    writeOneLine(formatter, sexp);
    return;
  }
  formatter.text("(").text(op.op).text(" ");
  formatter.open(op.op === "run" ? "v" : "hv");
  sexp.slice(1).forEach((field, index) => {
    if (index > 0) formatter.breakHint(op.op === "run" ? 0 : 1);
    writeOneLine(formatter, field);
  });
  formatter.close().text(")");
}

function writeOneLine(formatter: Formatter, sexp: Sexp): void {
  formatter.open("h");
  writePlain(formatter, sexp);
  formatter.close();
}

/** Ops and fields nest four deep at most, so recursion is bounded here. */
function writePlain(formatter: Formatter, sexp: Sexp): void {
  if (typeof sexp === "string") {
    writeAtom(formatter, sexp);
    return;
  }
  formatter.text("(");
  sexp.forEach((item, index) => {
    if (index > 0) formatter.breakHint(1);
    writePlain(formatter, item);
  });
  formatter.text(")");
}
