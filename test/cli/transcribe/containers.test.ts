import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canMakeContainers, containers, makeContainer } from '../../support/containers.ts';
import { models } from '../../support/models.ts';
import { runCli } from '../../support/run-cli.ts';
import { shared } from '../../support/shared.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const sample = 'samples/espeak-en-16k.wav';
const transcribe = ['transcribe', '-q', '--json', '--model'];

describe.skipIf(models.base === undefined || !canMakeContainers)('transcribe', () => {
  test('hears what was said whatever a folder holds it in', async () => {
    const folder = temporaryFolder();
    const names = ['gsm.wav', 'sowt.aifc', 'alac.caf', 'lecture.ts', 'film.ogv', 'speech.spx', 'windows.wma'];
    const chosen = containers.filter(({ name }) => names.includes(name));
    for (const container of chosen) makeContainer(container, sample, folder);
    const { code, stdout } = await runCli([...transcribe, models.base ?? '', folder]);
    expect(code).toBe(0);
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; text: string });
    expect(results.map(({ file }) => file)).toEqual(names.sort().map((name) => join(folder, name)));
    // Codecs for telephones leave a model less to go by.
    for (const { text } of results) expect(text).toMatch(/recognition on a neural process.*this recording in ?to/);
  });
});

const cases = join(shared ?? '', 'cases');
const american = 'ask what you can do for your country.';
const german = 'Guten Tag';

const hasModels = models.base !== undefined && models.tinyEn !== undefined;

describe.skipIf(!hasModels || shared === undefined || !canMakeContainers)('what people sent', () => {
  test.each<[string, readonly string[], string, RegExp]>([
    ['gsm.wav', [], american, /^$/],
    ['joined.mp3', ['--start', '15'], american, /^$/],
    ['opposite-phase.wav', [], 'And so my fellow Americans', /^warning: .* channels that cancel each other out/],
    ['program-stream.mpg', [], 'And Mr. John Dashwood', /^$/],
    ['two-tracks.mp4', [], american, /^warning: .* has 2 tracks of sound, 1 \(deu\) and 2 \(eng, default\): 2 is read/],
    ['two-tracks.mp4', ['--track', 'German'], german, /^$/],
    ['voice-memo.m4a', [], american, /^$/],
  ])('%s %j: by name and from stdin', async (name, options, words, said) => {
    const path = join(cases, name);
    const model = words === german ? models.base : models.tinyEn;
    const { code, stdout, stderr } = await runCli([...transcribe, model ?? '', ...options, path, '-'], {
      stdin: readFileSync(path),
    });
    const results = stdout.trim().split('\n');
    expect(results).toHaveLength(2);
    for (const line of results) expect(JSON.parse(line).text).toContain(words);
    const [first = '', second = '', ...more] = stderr.split('\n');
    expect(first).toMatch(said);
    expect(first === '' ? second : second.replace('stdin', path)).toBe(first);
    expect(more.join('')).toBe('');
    expect(code).toBe(0);
  });

  test('lecture.ts is found in its folder', async () => {
    const { code, stdout } = await runCli([...transcribe, models.tinyEn ?? '', join(cases, '{lecture,powershell}*')]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: join(cases, 'lecture.ts') });
  });
});
