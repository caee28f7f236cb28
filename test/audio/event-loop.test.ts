import { Readable } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { streamSource } from '../../src/audio/byte-source.ts';
import { allowEventLoop } from '../../src/audio/event-loop.ts';
import { openAudio } from '../../src/audio/open-audio.ts';
import { PeekSource } from '../../src/audio/peek-source.ts';
import { silentFlac } from './formats/flac-bytes.ts';
import { openPiped, temporaryFolder, wavBytes } from './wav-bytes.ts';

const gone = new Error('no longer wanted');

function abortSoon(): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(gone), 100);
  return controller.signal;
}

test('work that never waits for anything hears a timer all the same', async () => {
  const signal = abortSoon();
  const work = async () => {
    for (;;) await allowEventLoop(signal);
  };
  await expect(work()).rejects.toBe(gone);
});

test('several that work at once each have a turn of their own', async () => {
  let turn = 0;
  let isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const seen: number[] = [];
  const work = async () => {
    const start = turn;
    while (turn === start) await allowEventLoop();
    seen.push(turn);
  };
  await Promise.all([work(), work(), work()]);
  isOver = true;
  expect(new Set(seen).size).toBe(3);
});

describe('a recording of hours in a few kilobytes', () => {
  const bytes = silentFlac(3000);

  test.each([
    ['from a file', (signal: AbortSignal, path: string) => openAudio(path, { signal })],
    ['from a pipe', (signal: AbortSignal) => openPiped(bytes, { signal })],
    [
      'and only its end wanted',
      (signal: AbortSignal, path: string) => openAudio(path, { signal, startSeconds: 12_000 }),
    ],
  ])('%s can be left at any time', async (_, open) => {
    using folder = temporaryFolder();
    const path = folder.write('long.flac', bytes);
    const read = async () => {
      const audio = await open(abortSoon(), path);
      for await (const _samples of audio.samples);
    };
    await expect(read()).rejects.toBe(gone);
  });
});

test('no block is longer than half a second, whatever a frame holds', async () => {
  for (const bytes of [silentFlac(2, { sampleRate: 1000 }), wavBytes({ channels: [new Float32Array(48_000)] })]) {
    const audio = await openPiped(bytes);
    for await (const { length } of audio.samples) expect(length).toBeLessThanOrEqual(8000);
  }
});

describe('bytes seen ahead', () => {
  afterEach(() => vi.restoreAllMocks());

  test('are not moved at every step', async () => {
    const size = 2_000_000;
    await using source = new PeekSource(streamSource('stdin', Readable.from([new Uint8Array(size)])));
    const set = vi.spyOn(Uint8Array.prototype, 'set');
    for (let i = 0; i < 1000; i++) {
      await source.peek(600_000);
      await source.skip(1000);
    }
    const moved = set.mock.calls.reduce((sum, [{ length }]) => sum + length, 0);
    expect(moved).toBeLessThan(4 * size);
  });
});
