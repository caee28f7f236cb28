/** The protobuf wire format: a message as the list of its fields, to be read, changed and written again. */
export type WireField =
  | { readonly number: number; readonly wire: 0; readonly value: bigint }
  | { readonly number: number; readonly wire: 1 | 2 | 5; readonly bytes: Uint8Array };

const utf8 = new TextDecoder();

/**
 * The fields of a message, in order; length-delimited ones are views of the message's bytes.
 *
 * @throws RangeError where the message is cut off or uses groups
 */
export function readFields(message: Uint8Array): WireField[] {
  const fields: WireField[] = [];
  let position = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[position++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a varint is cut off');
  }
  function take(size: number): Uint8Array {
    if (size > message.length - position) throw new RangeError('a field is cut off');
    position += size;
    return message.subarray(position - size, position);
  }
  while (position < message.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === 0) fields.push({ number, wire, value: varint() });
    else if (wire === 1) fields.push({ number, wire, bytes: take(8) });
    else if (wire === 2) fields.push({ number, wire, bytes: take(Number(varint())) });
    else if (wire === 5) fields.push({ number, wire, bytes: take(4) });
    else throw new RangeError(`wire type ${wire} is not known`);
  }
  return fields;
}

/** The message made of these fields. */
export function writeFields(fields: readonly WireField[]): Uint8Array {
  const chunks = fields.flatMap((field) => {
    const tag = varintBytes(BigInt(field.number * 8 + field.wire));
    if (field.wire === 0) return [tag, varintBytes(field.value)];
    return field.wire === 2 ? [tag, varintBytes(BigInt(field.bytes.length)), field.bytes] : [tag, field.bytes];
  });
  return Buffer.concat(chunks);
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

export function intField(number: number, value: number | bigint): WireField {
  return { number, wire: 0, value: BigInt.asUintN(64, BigInt(value)) };
}

export function bytesField(number: number, bytes: Uint8Array): WireField {
  return { number, wire: 2, bytes };
}

export function textField(number: number, text: string): WireField {
  return bytesField(number, Buffer.from(text));
}

export function messageField(number: number, fields: readonly WireField[]): WireField {
  return bytesField(number, writeFields(fields));
}

/** The bytes of every length-delimited field of that number. */
export function bytesOf(fields: readonly WireField[], number: number): Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && field.wire === 2 ? [field.bytes] : []));
}

/** The last text of that number, or ''. */
export function textOf(fields: readonly WireField[], number: number): string {
  const bytes = bytesOf(fields, number).at(-1);
  return bytes === undefined ? '' : utf8.decode(bytes);
}

/** The last integer of that number, as a signed 64-bit one, or undefined. */
export function intOf(fields: readonly WireField[], number: number): number | undefined {
  const field = fields.findLast((candidate) => candidate.number === number && candidate.wire === 0);
  return field?.wire === 0 ? Number(BigInt.asIntN(64, field.value)) : undefined;
}

/** All integers of that number, packed or not. */
export function intsOf(fields: readonly WireField[], number: number): number[] {
  return fields.flatMap((field) => {
    if (field.number !== number) return [];
    if (field.wire === 0) return [Number(BigInt.asIntN(64, field.value))];
    // A packed list is a run of varints: give each the tag of a field to read it as a message.
    return readPacked(field.bytes);
  });
}

function readPacked(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    values.push(Number(BigInt.asIntN(64, value)));
    value = 0n;
    shift = 0n;
  }
  return values;
}

/** All 32-bit floats of that number, packed or not. */
export function floatsOf(fields: readonly WireField[], number: number): number[] {
  return fields.flatMap((field) => {
    if (field.number !== number || field.wire === 0) return [];
    const view = new DataView(field.bytes.buffer, field.bytes.byteOffset, field.bytes.byteLength);
    return Array.from({ length: field.bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
  });
}
