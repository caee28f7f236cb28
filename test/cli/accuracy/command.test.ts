import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyDamaged } from '../../support/damaged-checkpoint.ts';
import { models } from '../../support/models.ts';
import { hasStandIn, standInEnvironment } from '../../support/npu-stand-in.ts';
import { runCli } from '../../support/run-cli.ts';

const sample = 'samples/espeak-en-16k.wav';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-accuracy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const objects = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('accuracy, asked for what cannot be,', () => {
  test.each([
    ['audio that is missing', ['no-such.wav'], 3, 'no-such.wav'],
    ['audio that is none', ['package.json'], 3, 'package.json'],
    ['a manifest that is missing', ['--manifest', 'no-such.tsv'], 2, 'no-such.tsv'],
    ['a manifest that is none', ['--manifest', 'LICENSE'], 1, 'MIT License'],
    ['a reference that is missing', ['--ref', 'no-such.json'], 2, '--save-reference'],
    ['a reference that is none', ['--ref', 'package.json'], 2, 'package.json'],
    ['layers of a file', ['--ref', 'package.json', '--layers'], 2, '--layers'],
    ['a threshold of nothing', ['--threshold', '0'], 2, '--threshold'],
    ['a report where a file is', ['--report', 'package.json/results'], 1, 'package.json/results'],
    ['a model nobody knows', ['--device', 'cpu', '--model', 'whisper-gigantic'], 4, 'whisper-medium'],
  ])('%s, says so', async (_, args, expected, message) => {
    const { code, stdout, stderr } = await runCli(['accuracy', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(expected);
    expect(stdout).toBe('');
  });

  test('an NPU where there is none, does not settle for the CPU', async () => {
    const env = { WHISPER_NPU_ACL_LIBRARY: '/nonexistent/libascendcl.so' };
    const { code, stdout, stderr } = await runCli(['accuracy', '--device', 'npu'], { env });
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain('hint:');
  });
});

test.skipIf(models.base === undefined)('models of other vocabularies cannot be compared', async () => {
  const args = [
    'accuracy',
    '--device',
    'cpu',
    '--model',
    models.base ?? '',
    '--ref-model',
    models.tinyEn ?? 'whisper-tiny.en',
  ];
  const { code, stderr } = await runCli(args);
  expect(code).toBe(2);
  expect(stderr).toContain('vocabularies');
});

describe.skipIf(models.tinyEn === undefined)('accuracy of whisper-tiny.en on the CPU', () => {
  const onCpu = ['accuracy', '--device', 'cpu', '--model', models.tinyEn ?? ''];

  test('float32 against itself differs in exactly nothing, and its words are held against the transcript', async () => {
    const { code, stdout } = await runCli([...onCpu, '--json']);
    expect(code).toBe(0);
    const [file, overall, ...more] = objects(stdout);
    expect(more).toEqual([]);
    expect(file).toMatchObject({
      file: 'espeak-en-16k.wav',
      isComplete: true,
      language: 'en',
      errors: { tested: { words: { substitutions: 2, insertions: 1, deletions: 0, referenceLength: 18 } } },
    });
    expect(file.windows[0].positions).toHaveLength(22);
    expect(overall).toMatchObject({
      kind: 'whisper-npu accuracy',
      complete: true,
      standIn: false,
      overall: {
        pass: true,
        figures: {
          positions: 22,
          maxProbabilityDifferencePercent: 0,
          minCosine: 1,
          maxKlDivergence: 0,
          top1Agreement: 1,
          worstRank: 1,
          isExact: true,
          encoder: { maxAbs: 0, minCosine: 1 },
        },
      },
    });
  });

  test('another number of threads makes next to no difference, and a manifest says what was really said', async () => {
    const manifest = join(folder, 'clips.tsv');
    writeFileSync(manifest, `${resolve(sample)}\tSpeech recognition turns it into two texts.\n`);
    const args = [...onCpu, '--json', '--threads', '1', '--ref-threads', '2', '--manifest', manifest];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const [file, { overall, tested, reference }] = objects(stdout);
    expect(overall.figures.maxProbabilityDifferencePercent).toBeLessThan(0.01);
    expect([tested.device, reference.device].map((device) => device.slice(0, 8))).toEqual(['CPU, 1 t', 'CPU, 2 t']);
    const words = { substitutions: 4, insertions: 12, deletions: 0, referenceLength: 7 };
    expect(file.errors).toMatchObject({ reference: { words }, tested: { words } });
  });

  test('a stored reference serves as the model did, for the files that it knows', async () => {
    const file = join(folder, 'reference.json');
    const saved = await runCli([...onCpu, '-q', '--save-reference', file, sample]);
    expect(saved.code).toBe(0);
    const { code, stdout } = await runCli([...onCpu, '--json', '--ref', file]);
    expect(code).toBe(0);
    expect(objects(stdout).at(-1).overall).toMatchObject({
      pass: true,
      figures: { maxProbabilityDifferencePercent: 0, minCosine: 1, isExact: true },
    });
    writeFileSync(join(folder, 'other.wav'), readFileSync(sample).fill(0, 60_000));
    const other = await runCli([...onCpu, '--ref', file, join(folder, 'other.wav')]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain(sample);
  });

  test('one bad file among others is reported, and the others are compared', async () => {
    const { code, stdout, stderr } = await runCli([...onCpu, 'package.json', sample]);
    expect(code).toBe(1);
    expect(stderr).toContain('1 of 2 files failed');
    expect(stdout).toContain('PASS');
  });

  test('Ctrl-C shows what was compared until then and ends with 130', async () => {
    const report = join(folder, 'broken-off');
    const { code, stdout, stderr } = await runCli([...onCpu, '--report', report, sample, sample, sample, sample], {
      when: { text: ' tokens', act: (kill) => kill('SIGINT') },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted');
    expect(stdout).toContain('broken off');
    expect(stdout).toMatch(/PASS so far/);
    expect(readFileSync(join(report, 'accuracy.html'), 'utf8')).toContain('broken off');
  });
});

describe.skipIf(models.tinyEn === undefined)('a row of whisper-tiny.en that was scaled', () => {
  test.each([
    { tensor: 'model.encoder.layers.3.fc2.weight', row: 151, factor: 1.2, block: 'encoder layer 3, feed-forward' },
    { tensor: 'model.decoder.layers.3.fc2.weight', row: 192, factor: 1.05, block: 'decoder layer 3, feed-forward' },
  ])('by $factor in $tensor fails, and --layers names its layer', async ({ tensor, row, factor, block }) => {
    const damaged = join(folder, `damaged-${row}`);
    await copyDamaged(models.tinyEn ?? '', damaged, { tensor, row, factor });
    const args = ['accuracy', '--device', 'cpu', '--model', damaged, '--ref-model', models.tinyEn ?? '', '--layers'];
    const env = { WHISPER_NPU_HOME: join(folder, 'store') };
    const { code, stdout } = await runCli([...args, '--json'], { env });
    expect(code).toBe(1);
    const { overall, layers } = objects(stdout).at(-1);
    expect(overall.pass).toBe(false);
    const suspects = layers.suspects as { part: string; layer: number; kind: string }[];
    expect(suspects.map(({ part, layer, kind }) => `${part} layer ${layer}, ${kind}`)).toEqual([block]);
    rmSync(damaged, { recursive: true });
  });
});

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('accuracy on the stand-in', () => {
  test('says what it is wherever it says something, and finds float16 near float32', async () => {
    const report = join(folder, 'stand-in');
    const env = { ...standInEnvironment, WHISPER_NPU_HOME: join(folder, 'npu-store') };
    const args = ['accuracy', '--device', 'npu', '--model', models.tinyEn ?? '', '--layers', '--report', report];
    const { code, stdout, stderr } = await runCli([...args, sample], { env });
    expect(code).toBe(0);
    expect(stderr).toContain('tested');
    expect(stdout).toMatch(/^Measured on a stand-in for CANN/);
    expect(stdout).toContain('float16, stand-in for NPU 0');
    expect(stdout).toContain('No block stands out.');
    expect(stdout).toMatch(/PASS: largest probability difference 0\.\d+ %, under 1 % \(on the stand-in\)/);
    expect(stdout).not.toContain('Ascend910');
    expect(readFileSync(join(report, 'accuracy.html'), 'utf8')).toContain('Measured on a stand-in for CANN');
    const json = JSON.parse(readFileSync(join(report, 'accuracy.json'), 'utf8'));
    expect(json).toMatchObject({ standIn: true, tested: { dtype: 'float16' }, overall: { pass: true } });
    expect(json.overall.figures.maxProbabilityDifferencePercent).toBeGreaterThan(0);
  });
});
