import { existsSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { atcArguments } from '../../src/convert/atc.ts';
import type { NpuVariants } from '../../src/convert/npu-graphs.ts';
import { checkOmDirectory } from '../../src/convert/om-directory.ts';
import { readOmHeader } from '../../src/convert/om-file.ts';
import { convertForNpu, findConverted, writeGraphs } from '../../src/convert/prepare-npu.ts';
import { type Checkpoint, openCheckpoint } from '../../src/model/checkpoint.ts';
import { processToken } from '../../src/model/process-token.ts';
import { plainStagingPath } from '../../src/model/staging.ts';
import { standIn } from '../stand-in/built.ts';
import { hasStandIn } from '../support/npu-stand-in.ts';
import { writeRandomCheckpoint } from '../support/random-checkpoint.ts';

const target = { soc: 'Ascend910B4', dtype: 'f32' } as const;

describe.skipIf(!hasStandIn)('converting for an NPU with the stand-in’s atc', () => {
  let root: string;
  let checkpoint: Checkpoint;
  const place = () => ({ store: root, model: 'random' });
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-convert-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'));
    checkpoint = await openCheckpoint(join(root, 'checkpoint'));
  });
  afterEach(() => rm(root, { recursive: true }));

  /** Converts, and says which graphs atc has been given. */
  async function convert(variants: NpuVariants = {}): Promise<{ directory: string; graphs: string[] }> {
    const graphs: string[] = [];
    const directory = await convertForNpu(checkpoint, target, {
      atc: standIn.atc,
      place: place(),
      logPath: join(root, 'atc.log'),
      variants,
      onEvent: (event) => event.kind === 'atc' && graphs.push(event.graph),
    });
    return { directory, graphs };
  }

  const omsOf = async (directory: string) =>
    (await readdir(directory)).filter((file) => file.endsWith('.om')).map((file) => file.slice(0, -3));
  const base = ['decoder-1', 'decoder-4', 'encoder', 'rows-14-1-14'];

  test('makes an OM of every graph, and nothing a second time', async () => {
    const { directory, graphs } = await convert();
    expect(graphs.sort()).toEqual(base);
    expect((await omsOf(directory)).sort()).toEqual(base);
    const commandOf = async (om: string) => (await readOmHeader(join(directory, om))).attributes.get('atc_cmdline');
    expect(await commandOf('encoder.om')).toContain('--op_precision_mode=');
    expect(await commandOf('decoder-1.om')).not.toContain('--op_precision_mode=');
    expect(await readdir(directory)).not.toContain('graphs');
    expect(await convert()).toEqual({ directory, graphs: [] });
    expect(await findConverted(checkpoint, place(), target)).toBe(directory);
  });

  test.each([
    ['f32', 'Ascend910B4', ['encoder', 'layers-encoder']],
    ['f32', 'Ascend310P3', []],
    ['f16', 'Ascend910B4', []],
  ] as const)(
    'asks for float32 convolutions in float32 encoders alone, where chips have less: %s on %s',
    async (dtype, soc, told) => {
      const folder = join(root, 'graphs');
      const jobs = await writeGraphs(checkpoint, { dtype, soc }, folder, folder, { variants: { layers: true } });
      const withFile = jobs.filter(({ precisionFile }) => precisionFile !== undefined);
      expect(withFile.map(({ name }) => name)).toEqual(told);
      for (const { precisionFile } of withFile)
        expect(await readFile(precisionFile ?? '', 'utf8')).toBe('[ByOpType]\nConv2D=enable_float_32_execution\n');
      expect(jobs.map((job) => atcArguments(job).some((each) => each.startsWith('--op_precision_mode=')))).toEqual(
        jobs.map((job) => withFile.includes(job)),
      );
    },
  );

  test('keeps nothing of what atc leaves beside its results', async () => {
    const { directory } = await convert();
    const untidy = join(root, 'untidy-atc');
    await writeFile(untidy, `#!/bin/sh\nmkdir kernel_meta; touch fusion.json; exec ${standIn.atc} "$@"\n`, {
      mode: 0o755,
    });
    const options = { atc: untidy, place: place(), logPath: join(root, 'atc.log'), variants: { beams: 2 } };
    expect(await convertForNpu(checkpoint, target, options)).toBe(directory);
    expect((await readdir(directory)).filter((file) => !file.endsWith('.om')).sort()).toEqual([
      'manifest.json',
      'weight',
    ]);
    expect(await readdir(join(root, 'prepared', 'random'))).toHaveLength(1);
  });

  test('has atc write where its results go, whatever ASCEND_WORK_PATH says', async () => {
    process.env['ASCEND_WORK_PATH'] = join(root, 'checkpoint', 'config.json', 'not-a-folder');
    try {
      expect((await convert()).graphs.sort()).toEqual(base);
    } finally {
      delete process.env['ASCEND_WORK_PATH'];
    }
  });

  const memory = '/dev/shm';
  const isElsewhere = existsSync(memory) && statSync(memory).dev !== statSync(tmpdir()).dev;
  test.skipIf(!isElsewhere)('works where the store is on another file system than temporary files', async () => {
    const store = await mkdtemp(join(memory, 'whisper-npu-store-'));
    try {
      const options = { atc: standIn.atc, place: { ...place(), store }, logPath: join(store, 'atc.log') };
      expect(await readdir(await convertForNpu(checkpoint, target, options))).toContain('weight');
    } finally {
      await rm(store, { recursive: true });
    }
  });

  test.each([
    ['a space', 'my models', '" "'],
    ['a letter with an accent', 'modèles', '"è"'],
  ])('says before it begins that atc takes no paths with %s', async (_, name, character) => {
    const store = join(root, name);
    await mkdir(store);
    const events: unknown[] = [];
    const options = { atc: standIn.atc, place: { ...place(), store }, logPath: join(root, 'atc.log') };
    const failure = convertForNpu(checkpoint, target, { ...options, onEvent: (event) => events.push(event) });
    await expect(failure).rejects.toMatchObject({
      code: 'ATC_PATH',
      message: expect.stringContaining(character),
      hint: expect.stringContaining('WHISPER_NPU_HOME'),
    });
    expect(events).toEqual([]);
    expect(await readdir(join(store, 'prepared', 'random'))).toEqual([]);
  });

  test('removes what a conversion that was killed left in the store', async () => {
    const { directory } = await convert();
    const ended = processToken().replace(/~\d+~/, '~4194304~').replaceAll('~', '_');
    const left = join(root, 'prepared', 'random', `${ended}.unfinished`);
    const own = plainStagingPath(join(root, 'prepared', 'random'));
    await mkdir(join(left, 'oms'), { recursive: true });
    await mkdir(own);
    await convert({ beams: 2 });
    expect((await readdir(join(root, 'prepared', 'random'))).sort()).toEqual(
      [basename(directory), basename(own)].sort(),
    );
  });

  test('adds what is asked for later to the same folder, and keeps one copy of the weights', async () => {
    const { directory } = await convert();
    const weight = join(directory, 'weight');
    const before = await readdir(weight);
    const inode = (await stat(join(weight, before[0] ?? ''))).ino;
    expect(await findConverted(checkpoint, place(), target, { beams: 2 })).toBeUndefined();

    expect(await convert({ beams: 2 })).toEqual({ directory, graphs: ['rows-2-1-21-4'] });
    expect(await convert({ beams: 2, windows: 3, wordTimes: true })).toEqual({
      directory,
      graphs: ['rows-6-3-21-4', 'aligner-14'],
    });
    expect((await omsOf(directory)).sort()).toEqual([...base, 'aligner-14', 'rows-2-1-21-4', 'rows-6-3-21-4'].sort());
    expect(await readdir(weight)).toEqual(before);
    expect((await stat(join(weight, before[0] ?? ''))).ino).toBe(inode);
    expect(await findConverted(checkpoint, place(), target, { beams: 2, windows: 3, wordTimes: true })).toBe(directory);
    expect(await findConverted(checkpoint, place(), target)).toBe(directory);
    const { files } = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
    expect(Object.keys(files).filter((file) => file.endsWith('.om'))).toHaveLength(7);
  });

  test('notes its weights in the manifest, so that one that a copy lacks is named', async () => {
    const { directory } = await convert();
    const copy = join(root, 'copy');
    await cp(directory, copy, { recursive: true });
    const [name = expect.fail()] = await readdir(join(copy, 'weight'));
    await rm(join(copy, 'weight', name));
    const failure = checkOmDirectory(copy, { soc: target.soc, isStandIn: true }, () => undefined);
    await expect(failure).rejects.toMatchObject({
      code: 'NPU_MODEL_MISSING',
      message: `${join(copy, 'weight', name)} is missing`,
    });
  });

  test('that is stopped while adding leaves what there was', async () => {
    const { directory } = await convert();
    const failing = join(root, 'failing-atc');
    await writeFile(failing, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const logPath = join(root, 'atc.log');
    const options = { atc: failing, place: place(), logPath, variants: { beams: 2 } };
    await expect(convertForNpu(checkpoint, target, options)).rejects.toMatchObject({ code: 'ATC_FAILED' });
    expect(await readdir(join(root, 'prepared', 'random'))).toHaveLength(1);
    expect(await findConverted(checkpoint, place(), target)).toBe(directory);
    expect((await convert({ beams: 2 })).graphs).toEqual(['rows-2-1-21-4']);
  });

  test('converts all anew where a file of the folder is cut short', async () => {
    const { directory } = await convert({ beams: 2 });
    await truncate(join(directory, 'encoder.om'), 100);
    expect(await findConverted(checkpoint, place(), target)).toBeUndefined();
    expect((await convert()).graphs).toHaveLength(base.length);
  });
});
