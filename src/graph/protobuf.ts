/**
 * The protobuf wire format, as far as ONNX needs it: a message is a list of encoded fields, each a `Uint8Array`
 * chunk list, joined once at the end.
 */
export type Field = readonly Uint8Array[];

const utf8 = new TextEncoder();

/** A base-128 varint; negative numbers take ten bytes, as int64 does. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType);
}

function sizeOf(chunks: Field): number {
  return chunks.reduce((size, chunk) => size + chunk.length, 0);
}

/** An integer field (int32, int64, enum). */
export function int(field: number, value: number): Field {
  return [tag(field, 0), varint(value)];
}

/** A 32-bit float field. */
export function float(field: number, value: number): Field {
  return [tag(field, 5), new Uint8Array(Float32Array.of(value).buffer)];
}

/** A bytes field. */
export function bytes(field: number, value: Uint8Array): Field {
  return [tag(field, 2), varint(value.length), value];
}

/** A string field, UTF-8. */
export function string(field: number, value: string): Field {
  return bytes(field, utf8.encode(value));
}

/** A packed repeated integer field. */
export function packedInts(field: number, values: readonly number[]): Field {
  const chunks = values.map(varint);
  return [tag(field, 2), varint(sizeOf(chunks)), ...chunks];
}

/** A nested message made of fields. */
export function message(field: number, fields: readonly Field[]): Field {
  const chunks = fields.flat();
  return [tag(field, 2), varint(sizeOf(chunks)), ...chunks];
}

/** Joins the fields of a top-level message into its bytes. */
export function serialize(fields: readonly Field[]): Uint8Array {
  const chunks = fields.flat();
  const out = new Uint8Array(sizeOf(chunks));
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.length;
  }
  return out;
}
