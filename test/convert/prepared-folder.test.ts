import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type BuildRequest, buildPrepared, findPrepared, writeHashed } from '../../src/convert/prepared-folder.ts';
import { processToken } from '../../src/model/process-token.ts';
import { locksDirectory, preparedDirectory } from '../../src/model/store.ts';
import { noise } from '../model/fetch/small-model.ts';
import { temporaryFolder } from '../support/temporary.ts';

const contents: Record<string, Buffer> = {
  'weights.bin': noise(6_000_000),
  'weights.json': Buffer.from('{"tensors":[]}'),
};
const files = Object.keys(contents);

let store: string;
let place: { store: string; model: string };
let parent: string;
beforeEach(() => {
  store = temporaryFolder();
  place = { store, model: 'model' };
  parent = preparedDirectory(store, 'model');
});

/** Builds the folder, and notes what is said about one that is there. */
async function build(options: { bytes?: typeof contents; during?: (request: BuildRequest) => Promise<void> } = {}) {
  const said: string[] = [];
  let builds = 0;
  const plan = {
    name: 'folder',
    files,
    neededBytes: 0,
    async build(request: BuildRequest) {
      builds++;
      const written = new Map<string, string>();
      for (const [file, bytes] of Object.entries(options.bytes ?? contents))
        written.set(file, await writeHashed(join(request.directory, file), bytes));
      await options.during?.(request);
      return { source: '', dtype: 'f32', target: {}, written };
    },
  };
  const directory = await buildPrepared(place, plan, { onDamage: (message) => said.push(message) });
  return { directory, said, builds };
}

const find = () => findPrepared(place, { name: 'folder', files });

function expectWhole(directory: string): void {
  expect(readdirSync(directory).sort()).toEqual([...files, 'manifest.json'].sort());
  for (const [file, bytes] of Object.entries(contents))
    expect(readFileSync(join(directory, file)).equals(bytes)).toBe(true);
  expect(readdirSync(locksDirectory(store))).toEqual([]);
}

describe('a prepared folder that is damaged is made again, with a line that says so:', () => {
  async function expectMadeAgain(damage: (directory: string) => void): Promise<void> {
    const { directory } = await build();
    damage(directory);
    expect(await find()).toBeUndefined();
    const again = await build();
    expect(again.said).toEqual([
      expect.stringMatching(new RegExp(`^${directory} is damaged and is made again: [^\\n]+$`)),
    ]);
    expectWhole(directory);
    expect(readdirSync(parent)).toEqual(['folder']);
    expect(await find()).toBe(directory);
  }

  test.each([
    'null',
    '{}',
    '[]',
    '""',
    '',
    '{',
    '{"sizeBytes":null}',
    '{"source":"","dtype":"","files":{},"target":{}}',
  ])('its manifest reads %j', async (text) => {
    const { directory } = await build();
    writeFileSync(join(directory, 'manifest.json'), text);
    expect(await find()).toBeUndefined();
    await build();
    expectWhole(directory);
  });

  test('its manifest names a file outside', async () => {
    const { directory } = await build();
    const path = join(directory, 'manifest.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"weights.json"', '"../../weights.json"'));
    expect(await find()).toBeUndefined();
  });

  test.each([0, 0.37, 0.5, 0.99999])('another byte at %f of its weights', async (share) => {
    await expectMadeAgain((directory) => {
      const path = join(directory, 'weights.bin');
      const bytes = readFileSync(path);
      const at = Math.floor(share * bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      const later = Date.now() / 1000 + 10;
      utimesSync(path, later, later);
    });
  });

  test('a file that is cut short', () =>
    expectMadeAgain((directory) => writeFileSync(join(directory, files[1]!), '{}')));
  test('a file that is a folder', () =>
    expectMadeAgain((directory) => {
      rmSync(join(directory, 'weights.bin'));
      mkdirSync(join(directory, 'weights.bin'));
    }));
  test('a manifest that is gone', () => expectMadeAgain((directory) => rmSync(join(directory, 'manifest.json'))));
  test('a file where the folder is to be', () =>
    expectMadeAgain((directory) => {
      rmSync(directory, { recursive: true });
      writeFileSync(directory, 'junk');
    }));
  test('a manifest that is a folder', () =>
    expectMadeAgain((directory) => {
      rmSync(join(directory, 'manifest.json'));
      mkdirSync(join(directory, 'manifest.json'));
    }));
});

test('what does not hold what was written to it gets no name', async () => {
  const building = build({
    during: async ({ directory }) => writeFileSync(join(directory, 'weights.bin'), Buffer.alloc(6_000_000)),
  });
  await expect(building).rejects.toMatchObject({ code: 'MODEL_STORE_DAMAGED' });
  expect(readdirSync(parent)).toEqual([]);
});

describe('a writer that lost the lock while it was suspended', () => {
  /** Plays another process that took the lock over. */
  const takeLock = () => {
    for (const file of readdirSync(locksDirectory(store))) rmSync(join(locksDirectory(store), file));
  };

  test('takes what the other one made, and writes to none of its files', async () => {
    const other = { ...contents, 'weights.json': Buffer.from('{"tensors":[1]}') };
    let inode: string | undefined;
    const { directory, builds } = await build({
      async during() {
        takeLock();
        await build({ bytes: other });
        inode = readFileSync(join(parent, 'folder', 'weights.json'), 'utf8');
      },
    });
    expect(builds).toBe(1);
    expect(readFileSync(join(directory, 'weights.json'), 'utf8')).toBe(inode);
    expect(inode).toBe('{"tensors":[1]}');
    expect(readdirSync(parent)).toEqual(['folder']);
    expect(await find()).toBe(directory);
  });

  test('and whose unfinished folder is gone begins again', async () => {
    let attempts = 0;
    const { directory, builds } = await build({
      async during({ directory: unfinished }) {
        if (attempts++ > 0) return;
        takeLock();
        rmSync(unfinished, { recursive: true });
      },
    });
    expect(builds).toBe(2);
    expectWhole(directory);
  });
});

describe('what processes left unfinished', () => {
  const own = processToken();
  const ended = own.replace(`~${process.pid}~`, `~${spawnSync('true').pid}~`);
  const foreign = 'elsewhere~1~5~0123456789ab~0123456789ab';

  function leave(token: string | undefined): string {
    const name = `other${token === undefined ? '' : `~${token}`}.unfinished`;
    mkdirSync(join(parent, name), { recursive: true });
    writeFileSync(join(parent, name, 'weights.bin'), 'half');
    return name;
  }

  test('is removed where they have ended, and left where they may live', async () => {
    const dead = [leave(undefined), leave(ended)];
    const living = [leave(own), leave(foreign)];
    await build();
    expect(readdirSync(parent).sort()).toEqual(['folder', ...living].sort());
    expect(dead).toHaveLength(2);
  });

  test('is used where it was finished but for its name', async () => {
    const { directory } = await build();
    renameSync(directory, `${directory}~${ended}.unfinished`);
    expect(await build()).toEqual({ directory, said: [], builds: 0 });
    expectWhole(directory);
  });
});
