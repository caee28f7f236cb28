import type { Draw } from './draw.ts';

/** One to eight changes anywhere, more of them near the beginning, where headers stand. */
export function damaged(original: Uint8Array, draw: Draw): Buffer {
  let bytes = Buffer.from(original);
  for (let left = 1 + draw.length(8); left > 0; left--) bytes = changed(bytes, draw);
  return bytes;
}

function changed(bytes: Buffer, draw: Draw): Buffer<ArrayBuffer> {
  const at = draw.chance(0.5) ? draw.below(Math.min(bytes.length, 200) + 1) : draw.below(bytes.length + 1);
  const length = draw.length(Math.min(5000, bytes.length));
  const copy = Buffer.from(bytes);
  const [before, after] = [copy.subarray(0, at), copy.subarray(at)];
  switch (draw.below(9)) {
    case 0:
      if (after.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << draw.below(8));
      return copy;
    case 1:
      if (after.length > 0) copy[at] = draw.oddNumber(8);
      return copy;
    case 2:
      if (after.length >= 2)
        draw.chance(0.5) ? copy.writeUInt16LE(draw.oddNumber(16), at) : copy.writeUInt16BE(draw.oddNumber(16), at);
      return copy;
    case 3:
      if (after.length >= 4)
        draw.chance(0.5) ? copy.writeUInt32LE(draw.oddNumber(32), at) : copy.writeUInt32BE(draw.oddNumber(32), at);
      return copy;
    case 4:
      return copy.fill(draw.pick([0, 0xff, draw.below(256)]), at, Math.min(copy.length, at + length));
    case 5:
      return Buffer.concat([before, after.subarray(length)]);
    case 6:
      return Buffer.concat([before, draw.bytes(length), after]);
    case 7:
      return Buffer.concat([before, after.subarray(0, length), after]);
    default:
      return draw.chance(0.3) ? Buffer.from(before) : copy;
  }
}

const oddValues: readonly unknown[] = [
  null,
  true,
  '',
  'a',
  '__proto__',
  '../../etc/passwd',
  'x\u0000\u001b[31m\u202e\n',
  '😀'.repeat(50),
  -1,
  0,
  0.5,
  1,
  7,
  51_865,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  [],
  {},
  [null],
  [[]],
  [0, 1],
  [1, 0],
  { a: null },
  'a'.repeat(3000),
];

/** A JSON value in which one to four places are something else. */
export function damagedJson(value: unknown, draw: Draw): unknown {
  let damaged = structuredClone(value);
  for (let left = 1 + draw.length(4); left > 0; left--) damaged = changedJson(damaged, draw);
  return damaged;
}

function changedJson(value: unknown, draw: Draw): unknown {
  const isInner = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  if (!isInner || draw.chance(0.08))
    return typeof value === 'number' ? oddNumberFor(value, draw) : draw.pick(oddValues);
  const keys = Object.keys(value);
  const key = draw.pick(keys);
  if (Array.isArray(value)) {
    const items: unknown[] = [...value];
    const at = Number(key);
    const change = draw.below(6);
    if (change === 0) items.splice(at, 1);
    else if (change === 1) items.splice(at, 0, draw.pick(oddValues));
    else if (change === 2) items.push(items[at]);
    else items[at] = changedJson(items[at], draw);
    return items;
  }
  const entries = Object.entries(value);
  const at = keys.indexOf(key);
  const [, inside] = entries[at] as [string, unknown];
  const change = draw.below(8);
  if (change === 0) entries.splice(at, 1);
  else if (change === 1)
    entries[at] = [draw.pick(['__proto__', '', 'constructor', draw.pick(keys), `${key}\u0007`]), inside];
  else if (change === 2) entries.push([draw.pick(['x', 'length', '0']), draw.pick(oddValues)]);
  else entries[at] = [key, changedJson(inside, draw)];
  return Object.fromEntries(entries);
}

function oddNumberFor(value: number, draw: Draw): unknown {
  return draw.pick([value + 1, value - 1, -value, value * 2, value / 2, value * 2 ** 32, ...oddValues]);
}

/** JSON whose places or, now and then, whose characters are damaged. */
export function damagedJsonBytes(value: unknown, draw: Draw): Buffer {
  const text = Buffer.from(JSON.stringify(draw.chance(0.9) ? damagedJson(value, draw) : value) ?? '');
  return draw.chance(0.1) ? damaged(text, draw) : text;
}
