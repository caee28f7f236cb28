/** A protobuf message as read back: by field number, every value it has, in order. */
export type Message = ReadonlyMap<number, readonly FieldValue[]>;

/** A varint, or the bytes of a length-delimited or 32-bit field. */
export type FieldValue = bigint | Uint8Array;

/** Reads the protobuf wire format back, from its specification: https://protobuf.dev/programming-guides/encoding */
export function readMessage(bytes: Uint8Array): Message {
  const fields = new Map<number, FieldValue[]>();
  let position = 0;
  const varint = (): bigint => {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = bytes[position++];
      if (byte === undefined || shift > 63n) throw new RangeError('a varint does not end');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  };
  const take = (length: number): Uint8Array => {
    if (position + length > bytes.length) throw new RangeError('a field goes past the end');
    position += length;
    return bytes.subarray(position - length, position);
  };
  while (position < bytes.length) {
    const key = Number(varint());
    const readers: Record<number, () => FieldValue> = { 0: varint, 2: () => take(Number(varint())), 5: () => take(4) };
    const reader = readers[key & 7];
    if (reader === undefined) throw new RangeError(`wire type ${key & 7}`);
    const field = Math.floor(key / 8);
    fields.set(field, [...(fields.get(field) ?? []), reader()]);
  }
  return fields;
}

export function readPackedInts(bytes: Uint8Array): number[] {
  // A packed field is the varints of a repeated one without their keys.
  const keyed: number[] = [];
  let isStart = true;
  for (const byte of bytes) {
    if (isStart) keyed.push(8);
    keyed.push(byte);
    isStart = byte < 0x80;
  }
  return (readMessage(Uint8Array.from(keyed)).get(1) ?? []).map(Number);
}

export function messages(message: Message, field: number): Message[] {
  return raw(message, field).map(readMessage);
}

export function strings(message: Message, field: number): string[] {
  return raw(message, field).map((value) => new TextDecoder('utf-8', { fatal: true }).decode(value));
}

export function ints(message: Message, field: number): number[] {
  return (message.get(field) ?? []).map(Number);
}

export function raw(message: Message, field: number): Uint8Array[] {
  return (message.get(field) ?? []).map((value) => {
    if (typeof value === 'bigint') throw new TypeError(`field ${field} is a number`);
    return value;
  });
}
