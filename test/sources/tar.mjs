// Archives whose bytes depend on nothing but names and contents, so that whatever pins them never changes.

/**
 * @typedef {{ name: string, content: string, mode?: number }} Member
 * @param {Member[]} members
 * @returns {Buffer} an uncompressed ustar archive
 */
export function makeTar(members) {
  const folders = new Set();
  for (const { name } of members) {
    const parts = name.split("/").slice(0, -1);
    parts.forEach((_, i) => folders.add(`${parts.slice(0, i + 1).join("/")}/`));
  }
  const entries = [
    ...[...folders].map((name) => ({ name, content: "", mode: 0o755, type: "5" })),
    ...members.map(({ name, content, mode = 0o644 }) => ({ name, content, mode, type: "0" })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  return Buffer.concat([...entries.flatMap(makeEntry), Buffer.alloc(1024)]);
}

function makeEntry({ name, content, mode, type }) {
  const data = Buffer.from(content);
  const header = Buffer.alloc(512);
  const octal = (value, width) => value.toString(8).padStart(width - 1, "0");
  header.write(name, 0, 100);
  header.write(octal(mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(data.length, 12), 124);
  header.write(octal(1_600_000_000, 12), 136);
  header.write("        ", 148);
  header.write(type, 156);
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 7)}\x00 `, 148, "latin1");
  return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
}
