/** Whole numbers below a bound, the same ones for the same seed (mulberry32). */
export function randomIntegers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) % below;
  };
}

type Random = (below: number) => number;

/** Any JSON text, such as stands in a file that somebody else wrote. */
function randomJson(random: Random, depth = 0): unknown {
  const names = ['files', 'sizeBytes', 'version', 'name', '__proto__', 'format', 'tensors', 'target', 'x'];
  const leaves = [null, true, '', 'a', -1, 1e300, 0, '../x'];
  const kind = random(depth > 2 ? 1 : 3);
  if (kind === 0) return leaves[random(leaves.length)];
  const values = Array.from({ length: random(4) }, () => randomJson(random, depth + 1));
  return kind === 1 ? values : Object.fromEntries(values.map((value) => [names[random(names.length)], value]));
}

/** Another value somewhere in a JSON text. */
function mutatedJson(text: string, random: Random): string {
  const value: unknown = JSON.parse(text);
  const places: [object, string][] = [];
  const collect = (at: unknown) => {
    if (typeof at !== 'object' || at === null) return;
    for (const [name, inner] of Object.entries(at)) {
      places.push([at, name]);
      collect(inner);
    }
  };
  collect(value);
  const [object, name] = places[random(Math.max(1, places.length))] ?? [{}, ''];
  Reflect.set(object, name, randomJson(random));
  return JSON.stringify(value);
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

/** Ways in which a file may be damaged, at random. */
export const damages = {
  'other JSON': (_: Buffer, random: Random) => Buffer.from(JSON.stringify(randomJson(random))),
  'another value in its JSON': (bytes: Buffer, random: Random) => {
    const text = bytes.toString();
    return Buffer.from(isJson(text) ? mutatedJson(text, random) : 'x');
  },
  'a cut': (bytes: Buffer, random: Random) => bytes.subarray(0, random(Math.max(1, bytes.length))),
  'another byte': (bytes: Buffer, random: Random) => {
    const damaged = Buffer.from(bytes);
    const at = random(Math.max(1, damaged.length));
    if (at < damaged.length) damaged[at] = (damaged[at] ?? 0) ^ (1 + random(255));
    return damaged;
  },
} satisfies Record<string, (bytes: Buffer, random: Random) => Buffer>;

export type DamageName = keyof typeof damages;
export const damageNames = Object.keys(damages) as DamageName[];
