import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorOf, expectNothingKept, formWith, scriptedPool, startServer } from '../support/test-server.ts';

const wav = new Uint8Array(readFileSync('samples/espeak-en-16k.wav'));

test('languages are answered likeliest first, by code and name', async () => {
  const started = await startServer(scriptedPool());
  const response = await fetch(`${started.url}/v1/audio/languages`, {
    method: 'POST',
    body: formWith(wav, { model: 'whisper-1', end: '5' }),
  });
  expect(await response.json()).toEqual({
    language: 'de',
    languages: [{ code: 'de', name: 'german', probability: 0.9 }],
  });
  await expectNothingKept(started, 1);
});

test.each([
  [{ beam_size: '5' }, { param: 'beam_size', code: 'field_unknown' }],
  [{ clip_timestamps: '1,2' }, { param: 'clip_timestamps', code: 'field_unknown' }],
  [{ end: 'never' }, { param: 'end', code: 'option_senseless' }],
  [{ model: '/etc' }, { status: 404, param: 'model' }],
])('what has nothing to do with that is refused: %j', async (fields, error) => {
  const { url } = await startServer(scriptedPool());
  const response = await fetch(`${url}/v1/audio/languages`, { method: 'POST', body: formWith(wav, fields) });
  expect(await errorOf(response)).toMatchObject(error);
});
