import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, GreedyRequest } from '../../../src/backend/backend.ts';
import { greedyAlone } from '../../support/append.ts';
import { convertWithStandIn, hasStandIn, openOnStandIn, startTrace } from '../../support/npu-stand-in.ts';
import { randomValues, writeRandomCheckpoint } from '../../support/random-checkpoint.ts';
import { contractDimensions as dimensions, contractGeneration as generation } from '../contract.ts';

const logMel = randomValues(dimensions.nMels * 2 * dimensions.nAudioCtx, 1);

/** A mask that forbids these tokens. */
function forbidding(...tokens: number[]): Float32Array {
  const mask = new Float32Array(dimensions.nVocab);
  for (const token of tokens) mask[token] = -Infinity;
  return mask;
}

describe.skipIf(!hasStandIn)('masks on the device', () => {
  let root: string;
  let om: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'whisper-npu-masks-'));
    await writeRandomCheckpoint(join(root, 'checkpoint'), { dimensions, generation });
    om = await convertWithStandIn(join(root, 'checkpoint'), root, 'f32');
  });
  afterAll(() => rm(root, { recursive: true }));

  async function tokensOf(
    backend: Backend,
    request: Partial<GreedyRequest>,
    signal?: AbortSignal,
  ): Promise<readonly number[]> {
    await using audio = await backend.encode([logMel.slice()]);
    await using run = await audio.startDecoder();
    const usual = { prompts: [[1, 2, 3, 4]], beginSuppress: forbidding(), suppress: forbidding(), stopToken: -1 };
    return (await greedyAlone(run, { ...usual, maxTokens: 40, ...request }, signal)).tokens;
  }

  /** A signal that is aborted when it is asked for the n-th time. */
  function abortedWhenAsked(nth: number): AbortSignal {
    const aborter = new AbortController();
    const { signal } = aborter;
    let left = nth;
    const check = signal.throwIfAborted.bind(signal);
    signal.throwIfAborted = () => {
      if (--left === 0) aborter.abort(new Error('enough'));
      check();
    };
    return signal;
  }

  test('a text that is aborted anywhere leaves the next one its masks and its places', async () => {
    await using untouched = await openOnStandIn(om, dimensions);
    await using backend = await openOnStandIn(om, dimensions);
    let nth = 1;
    for (let ended = false; !ended; nth++) {
      const masks = { beginSuppress: forbidding(nth), suppress: forbidding(nth, nth + 1) };
      const attempt = tokensOf(backend, { ...masks, prompts: [[7, 8, 9, 10, 11, 12]] }, abortedWhenAsked(nth));
      ended = (await attempt.catch(() => undefined)) !== undefined;
      const where = `aborted when asked for the ${nth}th time`;
      expect(await tokensOf(backend, masks), where).toEqual(await tokensOf(untouched, masks));
    }
    expect(nth).toBeGreaterThan(4);
  });

  test('texts decoded at once each keep their own, more than there are kept places', async () => {
    await using backend = await openOnStandIn(om, dimensions);
    const likely = [...new Set(await tokensOf(backend, {}))];
    const requests = [0, 1, 2, 3].map((i) => ({
      beginSuppress: forbidding(...likely.slice(0, i + 1)),
      suppress: forbidding(...likely.slice(1, i + 2)),
    }));
    const alone: (readonly number[])[] = [];
    for (const request of requests) alone.push(await tokensOf(backend, request));
    expect(new Set(alone.map(String)).size).toBeGreaterThan(2);
    for (let round = 0; round < 3; round++)
      expect(await Promise.all(requests.map((request) => tokensOf(backend, request)))).toEqual(alone);
  });

  test('a mask whose upload failed comes up again for the next text', async () => {
    const readTrace = startTrace();
    {
      await using backend = await openOnStandIn(om, dimensions);
      await tokensOf(backend, {});
    }
    const copies = readTrace().filter((call) => call.function === 'aclrtMemcpyAsync');
    const isMask = copies.map(({ direction, bytes }) => direction === 'H2D' && bytes === 4 * dimensions.nVocab);
    process.env['STAND_IN_FAIL'] = `aclrtMemcpyAsync:${isMask.lastIndexOf(true) + 1}:500002`;
    await using backend = await openOnStandIn(om, dimensions).finally(() => delete process.env['STAND_IN_FAIL']);
    const masks = { beginSuppress: forbidding(1), suppress: forbidding(1) };
    await expect(tokensOf(backend, masks)).rejects.toMatchObject({ aclFunction: 'aclrtMemcpyAsync' });
    await using untouched = await openOnStandIn(om, dimensions);
    expect(await tokensOf(backend, masks)).toEqual(await tokensOf(untouched, masks));
  });

  test('one that is used again is not sent again', async () => {
    const readTrace = startTrace();
    await using backend = await openOnStandIn(om, dimensions);
    const masks = [1, 2, 3, 4].map((token) => forbidding(token));
    const uploads = () =>
      readTrace().filter(({ direction, bytes }) => direction === 'H2D' && bytes === 4 * dimensions.nVocab);
    for (let round = 0; round < 3; round++)
      for (const mask of masks) await tokensOf(backend, { beginSuppress: mask, suppress: mask, maxTokens: 3 });
    expect(uploads()).toHaveLength(masks.length);
  });
});
