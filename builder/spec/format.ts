/**
 * The layout rules of OCaml's `Format`, margin 78: what the original prints its S-expressions and specs with. Boxes
 * and break hints go in, text with line breaks comes out. It works on a stream: a break is decided as soon as it is
 * known that what follows doesn't fit, so time and memory stay linear.
 *
 * Sizes of boxes and breaks are unknown when they are opened. They stand as a negative number (minus the total printed
 * so far) until the closing box or the next break of the same box makes them known.
 */
export type BoxKind = "box" | "h" | "v" | "hv" | "hov";

const MARGIN = 78;
/** A box opened right of this column starts on a new line if its parent allows, and no line is indented further. */
const MAX_INDENT = 68;
const INFINITE = Number.MAX_SAFE_INTEGER / 4;

type Token =
  | { kind: "text"; text: string }
  | { kind: "break"; width: number; offset: number }
  | { kind: "open"; box: BoxKind; indent: number }
  | { kind: "close" }
  | { kind: "newline" };

interface Entry {
  token: Token;
  size: number;
  length: number;
}

interface ActiveBox {
  kind: BoxKind | "fits";
  /** Columns left of the margin at the box's own indentation. */
  width: number;
}

export class Formatter {
  #queue: Entry[] = [];
  #queueHead = 0;
  /** Boxes and breaks whose size isn't known yet, with the total printed when they came. */
  #scan: { leftTotal: number; entry: Entry }[] = [];
  #active: ActiveBox[] = [];
  #spaceLeft = MARGIN;
  #currentIndent = 0;
  #isNewLine = true;
  #leftTotal = 1;
  #rightTotal = 1;
  #depth = 1;
  #output: string[] = [];

  constructor() {
    const outermost: Entry = { token: { kind: "open", box: "hov", indent: 0 }, size: -1, length: 0 };
    this.#queue.push(outermost);
    this.#scan.push({ leftTotal: -1, entry: unknownText() }, { leftTotal: 1, entry: outermost });
  }

  text(text: string): this {
    this.#enqueue({ token: { kind: "text", text }, size: text.length, length: text.length });
    this.#advance();
    return this;
  }

  open(box: BoxKind, indent = 0): this {
    this.#depth++;
    this.#pushScan({ token: { kind: "open", box, indent }, size: -this.#rightTotal, length: 0 }, false);
    return this;
  }

  close(): this {
    if (this.#depth <= 1) return this;
    this.#enqueue({ token: { kind: "close" }, size: 0, length: 0 });
    this.#setSize(true);
    this.#setSize(false);
    this.#depth--;
    return this;
  }

  /** A place where the line may be broken: `width` spaces if it isn't, `offset` more columns of indentation if it is. */
  breakHint(width: number, offset = 0): this {
    const token: Token = { kind: "break", width, offset };
    this.#pushScan({ token, size: -this.#rightTotal, length: width }, true);
    return this;
  }

  newline(): this {
    this.#enqueue({ token: { kind: "newline" }, size: 0, length: 0 });
    this.#advance();
    return this;
  }

  finish(): string {
    while (this.#depth > 1) this.close();
    this.#rightTotal = INFINITE;
    this.#advance();
    return this.#output.join("");
  }

  #enqueue(entry: Entry): void {
    this.#rightTotal += entry.length;
    this.#queue.push(entry);
  }

  #pushScan(entry: Entry, isBreak: boolean): void {
    this.#enqueue(entry);
    if (isBreak) this.#setSize(true);
    this.#scan.push({ leftTotal: this.#rightTotal, entry });
  }

  #setSize(forBreak: boolean): void {
    const top = this.#scan[this.#scan.length - 1];
    if (top === undefined) return;
    if (top.leftTotal < this.#leftTotal) {
      this.#scan = [{ leftTotal: -1, entry: unknownText() }];
      return;
    }
    if ((top.entry.token.kind === "break") === forBreak && (forBreak || top.entry.token.kind === "open")) {
      top.entry.size += this.#rightTotal;
      this.#scan.pop();
    }
  }

  #advance(): void {
    for (let entry = this.#queue[this.#queueHead]; entry !== undefined; entry = this.#queue[this.#queueHead]) {
      const pending = this.#rightTotal - this.#leftTotal;
      if (entry.size < 0 && pending < this.#spaceLeft) break;
      this.#queueHead++;
      this.#print(entry.token, entry.size < 0 ? INFINITE : entry.size);
      this.#leftTotal += entry.length;
    }
    if (this.#queueHead > 1024) {
      this.#queue = this.#queue.slice(this.#queueHead);
      this.#queueHead = 0;
    }
  }

  #print(token: Token, size: number): void {
    switch (token.kind) {
      case "text":
        this.#spaceLeft -= size;
        this.#output.push(token.text);
        this.#isNewLine = false;
        return;
      case "open": {
        if (MARGIN - this.#spaceLeft > MAX_INDENT) this.#forceBreak();
        const width = this.#spaceLeft - token.indent;
        const fits = token.box !== "v" && size <= this.#spaceLeft;
        this.#active.push({ kind: fits ? "fits" : token.box, width });
        return;
      }
      case "close":
        this.#active.pop();
        return;
      case "newline": {
        const box = this.#active[this.#active.length - 1];
        if (box === undefined) this.#output.push("\n");
        else this.#breakLine(0, box.width);
        return;
      }
      case "break":
        this.#printBreak(token.width, token.offset, size);
        return;
    }
  }

  #printBreak(width: number, offset: number, size: number): void {
    const box = this.#active[this.#active.length - 1];
    if (box === undefined) return;
    if (this.#shouldBreak(box, offset, size)) this.#breakLine(offset, box.width);
    else {
      this.#spaceLeft -= width;
      this.#output.push(" ".repeat(width));
    }
  }

  #shouldBreak(box: ActiveBox, offset: number, size: number): boolean {
    switch (box.kind) {
      case "fits":
      case "h":
        return false;
      case "v":
      case "hv":
        return true;
      case "hov":
        return size > this.#spaceLeft;
      case "box":
        if (this.#isNewLine) return false;
        return size > this.#spaceLeft || this.#currentIndent > MARGIN - box.width + offset;
    }
  }

  #breakLine(offset: number, width: number): void {
    this.#output.push("\n");
    this.#isNewLine = true;
    this.#currentIndent = Math.min(MAX_INDENT, MARGIN - width + offset);
    this.#spaceLeft = MARGIN - this.#currentIndent;
    this.#output.push(" ".repeat(Math.max(0, this.#currentIndent)));
  }

  #forceBreak(): void {
    const box = this.#active[this.#active.length - 1];
    if (box === undefined) {
      this.#output.push("\n");
    } else if (box.width > this.#spaceLeft && box.kind !== "fits" && box.kind !== "h") {
      this.#breakLine(0, box.width);
    }
  }
}

function unknownText(): Entry {
  return { token: { kind: "text", text: "" }, size: -1, length: 0 };
}
