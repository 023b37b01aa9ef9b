import type { ByteString } from "./bytes.js";

const BITS = 63;

/**
 * OCaml's `int_of_string` on a 64-bit machine (ints have 63 bits): optional sign; `0x`, `0o`, `0b` and `0u` prefixes in
 * either case; underscores anywhere behind the first digit. Decimal numbers must fit the signed range, prefixed ones
 * the unsigned range, and wrap round. Undefined when the text is no such number.
 */
export function parseOcamlInt(text: ByteString): bigint | undefined {
  const match =
    /^([+-]?)(?:(0[xX])([0-9a-fA-F][0-9a-fA-F_]*)|(0[oO])([0-7][0-7_]*)|(0[bB])([01][01_]*)|(0[uU])?([0-9][0-9_]*))$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [, sign, hex, hexDigits, octal, octalDigits, binary, binaryDigits, unsigned, digits] = match;
  const isNegative = sign === "-";
  const magnitude = BigInt(
    hex !== undefined
      ? `0x${strip(hexDigits)}`
      : octal !== undefined
        ? `0o${strip(octalDigits)}`
        : binary !== undefined
          ? `0b${strip(binaryDigits)}`
          : strip(digits),
  );
  const isPlainDecimal = hex === undefined && octal === undefined && binary === undefined && unsigned === undefined;
  const limit = isPlainDecimal ? (1n << BigInt(BITS - 1)) - (isNegative ? 0n : 1n) : (1n << BigInt(BITS)) - 1n;
  if (magnitude > limit) return undefined;
  return BigInt.asIntN(BITS, isNegative ? -magnitude : magnitude);
}

function strip(digits: string | undefined): string {
  return (digits ?? "").replaceAll("_", "");
}
