import { expect, test } from 'vitest';
import type { SpeechRequest } from '../../../src/server/openai/fields.ts';
import { readSpeechRequest } from '../../../src/server/openai/fields.ts';
import { textEvents } from '../../../src/server/openai/text-events.ts';
import type { Segment } from '../../../src/transcribe/segment.ts';
import { segmentOf } from '../support/test-server.ts';

interface Told {
  readonly type: string;
  readonly delta?: string;
  readonly text?: string;
  readonly logprobs?: readonly { readonly token: string }[];
}

const request = (...fields: readonly (readonly [string, string])[]): SpeechRequest =>
  readSpeechRequest({ fields: [...fields, ['stream', 'true']] }, 'transcribe');

async function eventsOf(said: readonly Segment[], asked: SpeechRequest): Promise<Told[]> {
  async function* segments(): AsyncGenerator<Segment> {
    yield* said;
  }
  const info = () => ({ language: 'en', languageProbability: undefined, audioSeconds: 5 });
  const events: Told[] = [];
  for await (const { json } of textEvents({}, asked, { segments: segments(), info })) events.push(JSON.parse(json));
  return events;
}

test.each([
  [
    [' one', ' two'],
    ['one', ' two'],
  ],
  [
    [' one ', ' ', 'two\n'],
    ['one', '  two'],
  ],
  [['  ', ' one'], ['one']],
  [
    ['你好', '世界。'],
    ['你好', '世界。'],
  ],
  [
    [' half \ud83d', ' whole'],
    ['half \ufffd', ' whole'],
  ],
  [[' ', ''], []],
])('what comes in pieces is, put together, the text that comes at the end: %j', async (texts, pieces) => {
  const events = await eventsOf(texts.map(segmentOf), request());
  const deltas = events.flatMap(({ delta }) => (delta === undefined ? [] : [delta]));
  expect(deltas).toEqual(pieces);
  expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', text: deltas.join('') });
});

test('a piece says how sure its own words are, and the end how sure all are', async () => {
  const said = [' one', ' two'].map((text, id) => ({
    ...segmentOf(text, id),
    words: [{ text, startSeconds: id, endSeconds: id + 1, probability: 0.5 }],
  }));
  const events = await eventsOf(said, request(['include', 'logprobs']));
  expect(events.map(({ logprobs }) => logprobs?.map(({ token }) => token))).toEqual([
    [' one'],
    [' two'],
    [' one', ' two'],
  ]);
});
