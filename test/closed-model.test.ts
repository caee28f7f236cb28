import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { windowSamples } from '../src/vad/speech-model.ts';
import { built } from './support/build-dist.ts';
import { models } from './support/models.ts';
import { hasStandIn, standInEnvironment } from './support/npu-stand-in.ts';
import { recordingOf } from './support/recordings.ts';
import { writeSmallEnglishModel } from './support/small-english-model.ts';
import { temporaryFolder } from './support/temporary.ts';

const { loadModel, openSilero, transcribe } = (await import(built('index.js'))) as typeof import('../src/index.ts');
const tone = Float32Array.from({ length: 16_000 }, (_, i) => Math.sin(i / 5));

describe.skipIf(models.tinyEn === undefined)('a model that was closed', () => {
  const devices: [name: string, device: string, env: Record<string, string>, code: string][] = [
    ['the CPU', 'cpu', {}, 'MODEL_CLOSED'],
  ];
  if (hasStandIn) devices.push(['an NPU', 'npu', { ...standInEnvironment }, 'NPU_CLOSED']);

  test.each(devices)('on %s rejects what is asked of it, with a code, and may be closed again', async (...row) => {
    const [, device, env, code] = row;
    const folder = temporaryFolder();
    await writeSmallEnglishModel(join(folder, 'model'), models.tinyEn ?? '');
    const model = await loadModel({
      model: join(folder, 'model'),
      device,
      offline: true,
      threads: 1,
      env: { ...env, WHISPER_NPU_HOME: join(folder, 'store') },
    });
    await model[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
    for (const timestamps of [false, true]) {
      const transcribing = (async () => {
        for await (const _ of transcribe(model, recordingOf(tone), { timestamps }));
      })();
      await expect(transcribing).rejects.toMatchObject({ code });
    }
  });
});

test('a closed voice activity detector does too', async () => {
  const speech = await openSilero();
  const listener = speech.listen();
  await speech[Symbol.asyncDispose]();
  await speech[Symbol.asyncDispose]();
  await expect(listener.push(new Float32Array(windowSamples))).rejects.toMatchObject({ code: 'MODEL_CLOSED' });
});
