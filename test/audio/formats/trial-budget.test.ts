import { afterEach, describe, expect, test, vi } from 'vitest';
import { crc32 } from '../../../src/audio/formats/crc.ts';
import { decodeFrame } from '../../../src/audio/formats/flac-frame.ts';
import { createTrialBudget } from '../../../src/audio/formats/trial-budget.ts';
import { fixture } from '../../support/fixtures.ts';
import { openPiped, samplesOf } from '../wav-bytes.ts';
import { flacBytes, nestedFlac } from './flac-bytes.ts';
import { splitPages } from './ogg-bytes.ts';

vi.mock(import('../../../src/audio/formats/flac-frame.ts'), async (load) => {
  const original = await load();
  return { ...original, decodeFrame: vi.fn(original.decodeFrame) };
});
vi.mock(import('../../../src/audio/formats/crc.ts'), async (load) => {
  const original = await load();
  return { ...original, crc32: vi.fn(original.crc32) };
});

afterEach(() => vi.clearAllMocks());

const samplesTried = () => vi.mocked(decodeFrame).mock.calls.reduce((sum, [, { blockSize }]) => sum + blockSize, 0);
const bytesChecked = () => vi.mocked(crc32).mock.calls.reduce((sum, [, start, end]) => sum + end - start, 0);

test('trials that fail cost no more than the bytes passed over allow', () => {
  const trials = createTrialBudget();
  let cost = 0;
  for (; trials.isLeft; cost += 1e6) trials.spend(1e6);
  expect(cost).toBeLessThan(1e7);
  trials.earn(1e6);
  for (; trials.isLeft; cost += 1e6) trials.spend(1e6);
  expect(cost).toBeLessThan(3e7);
});

describe('what seems to begin inside itself, again and again, is read a bounded number of times', () => {
  test('frames of FLAC', async () => {
    const bytes = nestedFlac(400);
    await expect(openPiped(bytes).then(samplesOf)).rejects.toMatchObject({ code: 'AUDIO_DAMAGED' });
    expect(samplesTried()).toBeLessThan(16 * bytes.length + 1e7);
  });

  test('pages of Ogg', async () => {
    const [head = Buffer.alloc(0)] = splitPages(fixture('espeak-en.opus'));
    const capture = Buffer.concat([Buffer.from('OggS'), Buffer.alloc(22, 0), Buffer.of(255)]);
    const bytes = Buffer.concat([
      head,
      ...Array<Uint8Array>(20_000).fill(Buffer.concat([capture, Buffer.alloc(9, 255)])),
    ]);
    await expect(openPiped(bytes).then(samplesOf)).rejects.toMatchObject({ code: 'AUDIO_DAMAGED' });
    expect(bytesChecked()).toBeLessThan(16 * bytes.length + 1e7);
  });
});

test('a recording with a fault in every second frame loses these and no other', async () => {
  const options = {
    bitsPerSample: 16,
    sampleRate: 16_000,
    stereo: 'independent',
    subframe: { type: 'constant' },
    wastedBits: 0,
  } as const;
  const bytes = flacBytes([Array(600).fill(4096)], 2, options);
  const frameBytes = (bytes.length - 42 - 172) / 300; // numbers from 128 on take a byte more
  const damaged = Buffer.from(bytes);
  for (let frame = 0; frame < 128; frame += 2) damaged[42 + frame * frameBytes + 9] = 1;
  expect((await samplesOf(await openPiped(damaged))).length).toBe(600 - 2 * 64);
});
