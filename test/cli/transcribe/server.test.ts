import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pool } from '../../../src/pool/pool.ts';
import { compiledPool, scriptedPool, startServer } from '../../server/support/test-server.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const sample = 'samples/espeak-en-16k.wav';

function filesOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.\w+$/.test(name));
  return new Map(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** The sample twice, with silence between: more than a window. */
function longRecording(): Buffer {
  const bytes = readFileSync(sample);
  const speech = bytes.subarray(44);
  const samples = Buffer.concat([speech, Buffer.alloc(16_000 * 2 * 20), speech]);
  const header = Buffer.from(bytes.subarray(0, 44));
  header.writeUInt32LE(36 + samples.length, 4);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}

describe.skipIf(models.tinyEn === undefined)('transcribe --server', () => {
  const model = models.tinyEn ?? '';
  let pool: Pool;
  beforeAll(async () => {
    pool = await compiledPool(model);
  });
  afterAll(() => pool?.close());
  const shared = (): Pool => ({ ...pool, close: async () => {}, [Symbol.asyncDispose]: async () => {} });
  const here = ['--device', 'cpu', '--threads', '2', '--model', model];

  test.each<[string, readonly string[]]>([
    ['as it is', []],
    [
      'with words, laid out, and a part of the recording',
      ['--max-line-width', '20', '--highlight-words', '--start', '0.5'],
    ],
    [
      'with speech alone, beams, and what is said before',
      ['--vad', '--beam-size', '2', '--hotwords', 'NPU, CPU', '--initial-prompt', 'NPU, "CPU"'],
    ],
  ])(
    'writes the same bytes as this machine, in every format: %s',
    async (_, options) => {
      const { url } = await startServer(shared());
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'in/below'), { recursive: true });
      copyFileSync(sample, join(folder, 'in/short.wav'));
      writeFileSync(join(folder, 'in/below/long.wav'), longRecording());
      const asked = ['transcribe', '--format', 'all', ...options, join(folder, 'in')];
      const [local, remote] = [
        await runCli([...asked, ...here, '--output-dir', join(folder, 'here')]),
        await runCli([...asked, '--server', url, '--output-dir', join(folder, 'there')]),
      ];
      expect([local.code, remote.code]).toEqual([0, 0]);
      const expected = filesOf(join(folder, 'here'));
      expect([...expected.keys()]).toHaveLength(14);
      expect(filesOf(join(folder, 'there'))).toEqual(expected);
      expect(remote.stderr).toContain(`of ${url}, device CPU`);
    },
    300_000,
  );

  test('prints the same, from a file without times and from samples on stdin with times', async () => {
    const { url } = await startServer(shared());
    const samples = ['--timestamps', '--input-format', 's16le', '-'];
    for (const [args, given] of [
      [[sample], {}],
      [samples, { stdin: readFileSync(sample).subarray(44) }],
    ] as const) {
      const local = await runCli(['transcribe', '-q', ...here, ...args], given);
      const remote = await runCli(['transcribe', '-q', ...args], { ...given, env: { WHISPER_NPU_SERVER: url } });
      expect(remote).toEqual(local);
      expect(local.stdout).toMatch(/processing unit/i);
    }
  });
});

test.each([
  ['for people', []],
  ['as JSON', ['--json']],
])('--detect-language --server says what the server hears: %s', async (_, options) => {
  const asked: (number | undefined)[] = [];
  const ranked = [
    { language: 'de', probability: 0.75 },
    { language: 'nl', probability: 1 / 3 },
  ];
  const { url } = await startServer({
    ...scriptedPool(),
    async detectLanguage(recording) {
      let count = 0;
      for await (const block of recording.samples()) count += block.length;
      asked.push(count / 16_000);
      return ranked;
    },
  });
  const args = ['transcribe', '-q', '--server', url, '--detect-language', '--start', '1', '--end', '3', ...options];
  const { code, stdout } = await runCli([...args, sample]);
  expect(code).toBe(0);
  expect(stdout).toBe(
    options.length > 0
      ? `${JSON.stringify({ file: sample, language: 'de', probabilities: { de: 0.75, nl: 1 / 3 } })}\n`
      : `${sample}: de (German) 75.0 %, nl (Dutch) 33.3 %\n`,
  );
  expect(asked).toEqual([2]);
  const refused = await runCli([...args, '--model', 'nothing', sample]);
  expect(refused.code).toBe(4);
  expect(refused.stdout + refused.stderr).toContain('there is no model nothing here');
});

test('a batch ends where nobody answers, and does not ask for every recording', async () => {
  const folder = temporaryFolder();
  for (const name of ['a.wav', 'b.wav']) copyFileSync(sample, join(folder, name));
  const { code, stderr } = await runCli(['transcribe', '--server', 'http://127.0.0.1:1', folder]);
  expect(code).toBe(7);
  expect(stderr.match(/no server answers at/g)).toHaveLength(1);
});
