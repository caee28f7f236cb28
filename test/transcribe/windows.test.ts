import { describe, expect, test } from 'vitest';
import { decode } from '../../src/decoding/decode.ts';
import { transcribeInBatches } from '../../src/transcribe/batched.ts';
import { detectLanguage } from '../../src/transcribe/detect-language.ts';
import { resolveOptions, type TranscribeOptions } from '../../src/transcribe/options.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { transcribe } from '../../src/transcribe/transcribe.ts';
import type { SpeechChunk } from '../../src/vad/speech-chunks.ts';
import { createSpeechTimes } from '../../src/vad/speech-times.ts';
import { randomValues } from '../support/random-checkpoint.ts';
import { all, recordingOf } from '../support/recordings.ts';
import { at, scriptedModel } from './scripted-model.ts';

const rate = 16_000;
const noise = (seconds: number) => randomValues(seconds * rate, 1).map((value) => value / 4);

const timesOf = (segments: readonly Segment[]) =>
  segments.map(({ startSeconds, endSeconds, text }) => [startSeconds, endSeconds, text]);

describe('windows one after the other', () => {
  const run = (seconds: number, script: Parameters<typeof scriptedModel>[0], options: TranscribeOptions = {}) => {
    const scripted = scriptedModel(script);
    const recording = recordingOf(noise(seconds));
    return { ...scripted, segments: all(transcribe(scripted.model, recording, { timestamps: true, ...options })) };
  };

  test('begin where the one before was last sure of the time, and are told what it said', async () => {
    const scripts = [
      { tokens: [at(0), 1, at(4), at(4), 2, at(9.5), at(9.5), 3] }, // what follows the last pair is heard again
      { tokens: [at(0), 3, at(20)] },
    ];
    const { prompts, encoded, segments } = run(29, (window) => scripts[window]!, { language: 'en' });
    expect(timesOf(await segments)).toEqual([
      [0, 4, ' t1'],
      [4, 9.5, ' t2'],
      [9.5, 29, ' t3'], // 29.5 is behind the end
    ]);
    expect(encoded).toEqual([1, 1]);
    expect(prompts[0]).toEqual([50258, 50259, 50359]);
    expect(prompts[1]).toEqual([50361, at(0), 1, at(4), at(4), 2, at(9.5), 50258, 50259, 50359]);
  });

  test('count from what the recording is a part of', async () => {
    const { model } = scriptedModel(() => ({ tokens: [at(0), 1, at(2)] }));
    const recording = { ...recordingOf(noise(4)), offsetSeconds: 100.25 };
    const segments = await all(transcribe(model, recording, { timestamps: true, language: 'en' }));
    expect(timesOf(segments)).toEqual([[100.25, 102.25, ' t1']]);
    expect(segments[0]?.seek).toBe(10_025);
    const clips = [{ startSeconds: 102.25 }];
    const [clipped] = await all(transcribe(model, recording, { language: 'en', clips }));
    expect(timesOf([clipped!])).toEqual([[102.25, 104.25, ' t1']]);
  });

  test('end with their clip, though the model may think of times behind it', async () => {
    const { segments } = run(20, () => ({ tokens: [at(0), 1, at(7)] }), {
      language: 'en',
      clips: [{ startSeconds: 2, endSeconds: 7 }],
    });
    expect(timesOf(await segments)).toEqual([[2, 7, ' t1']]);
  });

  test('are in the language of the first, encoded once, or each in its own', async () => {
    const script = (window: number) => ({ language: window === 0 ? 'de' : 'fr', tokens: [at(0), 1, at(29)] });
    const heard: string[] = [];
    const onLanguage: TranscribeOptions['onLanguage'] = ([likeliest]) => heard.push(likeliest?.language ?? '');
    const once = run(60, script, { onLanguage });
    expect((await once.segments).map(({ language }) => language)).toEqual(['de', 'de']);
    expect([heard.splice(0), once.encoded]).toEqual([['de'], [1, 1]]);
    const each = run(60, script, { onLanguage, languagePerWindow: true });
    expect((await each.segments).map(({ language }) => language)).toEqual(['de', 'fr']);
    expect(heard).toEqual(['de', 'fr']);
  });

  test('of a text that never ends are as long as half the context', async () => {
    const { segments } = run(10, () => ({ tokens: [at(0), ...Array<number>(400).fill(7)] }), {
      language: 'en',
      temperatures: [0],
    });
    expect((await segments)[0]?.tokens).toHaveLength(224);
  });

  test('leave no more room for text than the context has behind a long prompt', async () => {
    const { model } = scriptedModel(() => ({ tokens: Array<number>(400).fill(7) }));
    const audio = await model.backend.encode([new Float32Array()]);
    const options = {
      task: 'transcribe',
      timestamps: false,
      temperature: 0,
      beamSize: 1,
      bestOf: 1,
      patience: 1,
      previous: Array<number>(300).fill(8),
      prefix: Array<number>(100).fill(9),
      suppress: [],
      logprobThreshold: -1,
      maxInitialTimestampSeconds: 1,
      random: Math.random,
    } as const;
    const [text] = await decode(audio, model, ['en'], options);
    // 223 tokens of before and their mark, three to start, one for no times, the prefix: 328 of 448 are taken.
    expect(text?.tokens).toHaveLength(121);
  });

  test('are not told what was drawn at a high temperature', async () => {
    const script = () => ({ tokens: [at(0), 1, at(29)] });
    const told = async (temperature: number) => {
      const { prompts, segments } = run(60, script, { language: 'en', temperatures: [temperature], bestOf: 1 });
      await segments;
      return prompts[1];
    };
    expect(await told(0.4)).toContain(50361);
    expect(await told(0.6)).toEqual([50258, 50259, 50359]);
  });

  describe('with hotwords', () => {
    /** Token 5 is read as ` t5`, and so on: token 7 is a name to expect. */
    const hotwords = 't7,t8';
    const named = [50361, ...Buffer.from(' t7, t8.')];
    const textOf = async (segments: Promise<Segment[]>) => (await segments).map(({ text }) => text).join('');

    test('are decoded again behind these, whatever was drawn at a high temperature', async () => {
      const script = () => ({ tokens: [at(0), 1, at(29)] });
      const { prompts, segments } = run(60, script, { language: 'en', hotwords, temperatures: [0.6], bestOf: 1 });
      await segments;
      const start = [50258, 50259, 50359];
      expect(prompts).toEqual([start, [...named, ...start], start, [...named, ...start]]);
      const plain = run(10, () => ({ tokens: [1] }), { language: 'en', hotwords, timestamps: false });
      await plain.segments;
      expect(plain.prompts.at(-1)).toEqual([...named, ...start, 50363]);
      const prefixed = run(10, script, { language: 'en', hotwords, prefix: 'A' });
      await prefixed.segments;
      expect(prefixed.prompts).toEqual([[...start, ...Buffer.from(' A')]]);
    });

    test('are told the hotwords, then as much of the text before as there is room for', async () => {
      const script = () => ({ tokens: [at(0), ...Array<number>(220).fill(1), at(29)] });
      const { prompts, segments } = run(60, script, { language: 'en', hotwords, compressionRatioThreshold: 1000 });
      await segments;
      const told = prompts.at(-1)?.slice(0, -3) ?? [];
      expect(told).toHaveLength(224);
      expect(told.slice(0, named.length)).toEqual(named);
      expect(told.slice(named.length)).toEqual([...Array<number>(224 - named.length - 1).fill(1), at(29)]);
    });

    type How = { readonly prompted: readonly number[]; readonly logit?: number; readonly isSilent?: boolean };
    test.each<[string, How, string]>([
      ['are believed where they are likelier and spell more of them', { prompted: [5, 7], logit: -38 }, ' t5 t7'],
      ['are not where no hotword is in them', { prompted: [5, 9], logit: -38 }, ' t5 t6'],
      ['are not where they are no likelier', { prompted: [5, 7] }, ' t5 t6'],
      ['are not where nobody speaks', { prompted: [5, 7], logit: -40, isSilent: true }, ''],
    ])('%s', async (_, { isSilent = false, ...how }, expected) => {
      for (const timestamps of [false, true]) {
        const within = (tokens: readonly number[]) => (timestamps ? [at(0), ...tokens, at(9)] : tokens);
        const script = () => ({ ...how, tokens: within([5, 6]), prompted: within(how.prompted) });
        // Nobody speaks, says a threshold below every probability, where a text is unlikely.
        const silence = isSilent ? { noSpeechThreshold: 0, logprobThreshold: -0.5, temperatures: [0] } : {};
        const { segments } = run(10, script, { language: 'en', timestamps, hotwords, ...silence });
        expect(await textOf(segments), `with times: ${timestamps}`).toBe(expected);
      }
    });

    test('that are too many are refused', async () => {
      const many = Array.from({ length: 56 }, (_, i) => `n${i}`);
      const { segments } = run(10, () => ({ tokens: [1] }), { language: 'en', hotwords: many });
      await expect(segments).rejects.toThrow(
        expect.objectContaining({ code: 'HOTWORDS_TOO_LONG', message: expect.stringContaining('at most 223') }),
      );
    });
  });

  test('do not begin in the last tenth of a second', async () => {
    const script = (end: number) => () => ({ tokens: [at(0), 1, at(end), at(end), 2] });
    const rests = [9.98, 9.94, 9.9, 9.88].map(async (end) => {
      const { encoded, segments } = run(10, script(end), { language: 'en' });
      await segments;
      return encoded.length;
    });
    expect(await Promise.all(rests)).toEqual([1, 1, 2, 2]);
  });

  test('without sound are passed over, also in looking for the language', async () => {
    const samples = new Float32Array(70 * rate);
    samples.set(noise(9), 61 * rate);
    const quiet = { ...recordingOf(samples) };
    const language = (logMel: Float32Array) => (logMel.every((value) => value === logMel[0]) ? 'en' : 'de');
    const scripted = scriptedModel((_, logMel) => ({ language: language(logMel), tokens: [] }));
    expect((await detectLanguage(scripted.model, quiet))[0]?.language).toBe('de');
    const { model, encoded } = scriptedModel((_, logMel) => ({
      language: language(logMel),
      tokens: [at(1), 1, at(2)],
    }));
    const segments = await all(transcribe(model, quiet));
    expect(timesOf(segments)).toEqual([[60, 62, ' t1']]);
    expect(segments[0]?.language).toBe('de');
    expect(encoded).toEqual([1, 1]); // the window, and it padded as it is heard for its language
  });
});

describe('windows in batches', () => {
  /** Chunks of so many seconds each, with a second of silence after each. */
  async function* chunks(...lengths: readonly number[]): AsyncGenerator<SpeechChunk> {
    let start = 0;
    for (const seconds of lengths) {
      const end = start + seconds * rate;
      yield { samples: noise(seconds), times: createSpeechTimes([{ start, end }]) };
      start = end + rate;
    }
  }
  /** The chunks are given. */
  const speechModel = { listen: () => Promise.reject(new Error('nobody should ask')) } as never;
  const options = (changes: TranscribeOptions) =>
    resolveOptions({ language: 'en', speech: { model: speechModel }, batchSize: 3, ...changes });

  test('come in the order of the recording, whichever is done first, and what one leaves goes into the next', async () => {
    const scripts = [
      { tokens: [at(0), 1, at(3), at(3), 2] }, // the first chunk needs another window
      { tokens: [at(0), 3, at(9.5)] },
      { tokens: [at(0), 4, at(9.5)] },
      { tokens: [at(0), 2, at(7)] }, // which is this one
      { tokens: [at(0), 5, at(9.5)] },
    ];
    const { model, encoded } = scriptedModel((window) => scripts[window]!);
    const segments = await all(transcribeInBatches(model, chunks(10, 10, 10, 10), 1, options({})));
    expect(timesOf(segments)).toEqual([
      [0, 3, ' t1'],
      [3, 10, ' t2'],
      [11, 20.5, ' t3'],
      [22, 31.5, ' t4'],
      [33, 42.5, ' t5'],
    ]);
    expect(segments.map(({ id, seek }) => [id, seek])).toEqual([
      [0, 0],
      [1, 300],
      [2, 1100],
      [3, 2200],
      [4, 3300],
    ]);
    expect(encoded).toEqual([3, 2]);
  });

  test('hear what a closing timestamp leaves of their speech', async () => {
    const scripts = [{ tokens: [at(0), 1, at(5)] }, { tokens: [at(0), 2, at(4.8)] }];
    const heard = async (...voices: readonly (readonly [start: number, end: number])[]) => {
      const times = createSpeechTimes([{ start: 0, end: 10 * rate }]);
      for (const [start, end] of voices) times.hear({ start: start * rate, end: end * rate });
      async function* one(): AsyncGenerator<SpeechChunk> {
        yield { samples: noise(10), times };
      }
      const { model } = scriptedModel((window) => scripts[window]!);
      return timesOf(await all(transcribeInBatches(model, one(), 1, options({}))));
    };
    const first = [0, 5, ' t1'];
    const second = [5, 9.8, ' t2'];
    expect(await heard([0, 4.9], [6, 7])).toEqual([first, second]); // another voice, behind a pause
    expect(await heard([0, 8])).toEqual([first, second]); // the same one goes on
    expect(await heard([0, 6.5])).toEqual([first]); // it ended a little later than foretold
    expect(await heard([0, 4.9], [6, 6.3])).toEqual([first]); // a sound
  });

  test('are told hotwords, each of which stands where it is likelier', async () => {
    const script = (window: number) => ({
      tokens: [at(0), 1, at(9)],
      prompted: [at(0), 7, at(9)],
      logit: -38 + 88 * window,
    });
    const { model } = scriptedModel(script);
    const segments = await all(transcribeInBatches(model, chunks(10, 10), 1, options({ hotwords: ['t7'] })));
    expect(segments.map(({ text }) => text)).toEqual([' t7', ' t1']);
  });

  test('close the recording where somebody has seen enough', async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield* chunks(10, 10, 10, 10);
      } finally {
        isClosed = true;
      }
    }
    const { model } = scriptedModel(() => ({ tokens: [at(0), 1, at(5)] }));
    for await (const segment of transcribeInBatches(model, source(), 1, options({}))) if (segment.id === 0) break;
    expect(isClosed).toBe(true);
  });

  test('are in the language of the first, or each in its own', async () => {
    const script = (window: number) => ({ language: ['de', 'fr', 'es'][window] ?? 'en', tokens: [at(0), 1, at(9)] });
    const languages = async (languagePerWindow: boolean) => {
      const asked = resolveOptions({ speech: { model: speechModel }, batchSize: 3, languagePerWindow });
      const segments = await all(transcribeInBatches(scriptedModel(script).model, chunks(9, 9, 9), 1, asked));
      return segments.map(({ language }) => language);
    };
    expect(await languages(false)).toEqual(['de', 'de', 'de']);
    expect(await languages(true)).toEqual(['de', 'fr', 'es']);
  });
});
