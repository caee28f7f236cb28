import type { JsonSchema } from '../../options/json-schema.ts';
import { answerTypes } from '../openai/answers.ts';

const text: JsonSchema = { type: 'string' };
const number: JsonSchema = { type: 'number' };

/** An object, all of whose members are there but those that are named. */
export function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

const ofSegment = {
  id: { type: 'integer' },
  seek: { type: 'integer' },
  start: number,
  end: number,
  text,
  tokens: listOf({ type: 'integer' }),
  temperature: number,
  avg_logprob: number,
  compression_ratio: number,
} satisfies Readonly<Record<string, JsonSchema>>;

const segment = object({ ...ofSegment, no_speech_prob: number });

const words = listOf(object({ word: text, start: number, end: number, probability: number }));

const logprobs = listOf(object({ token: text, bytes: listOf({ type: 'integer' }), logprob: number }));

const usage = object({ type: { const: 'duration' }, seconds: { type: 'integer' } });

/** What is known of a recording at its end, in verbose_json. */
const ofRecording = { task: { enum: ['transcribe', 'translate'] }, language: text, duration: number };

/** json has a text and what of it was asked for, verbose_json all but logprobs. */
export const transcript = object(
  {
    text,
    usage,
    logprobs,
    ...ofRecording,
    words,
    segments: listOf(segment),
  },
  ['logprobs', 'task', 'language', 'duration', 'words', 'segments'],
);

/** Of a transcript, by the type that goes with a format. */
export const resultAnswers: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  answerTypes.map((type) => [type, type === 'application/json' ? transcript : text]),
);

export const transcriptAnswers: Readonly<Record<string, JsonSchema>> = {
  ...resultAnswers,
  'text/event-stream': {
    ...text,
    description:
      'With stream=true: in the data of each event a TranscriptEvent of these schemas as JSON, [DONE] in the last, and an Error where it fails on the way.',
  },
};

/** An event of a stream. @param when it comes */
function event(
  type: string,
  when: string,
  properties: Readonly<Record<string, JsonSchema>>,
  optional?: readonly string[],
): JsonSchema {
  return { description: when, ...object({ type: { const: type }, ...properties }, optional) };
}

const orNull = (type: 'number' | 'string'): JsonSchema => ({ type: [type, 'null'] });

/** OpenAI's events, which json, text and verbose_json have, then ours, which whisper_json has. */
export const transcriptEvent: JsonSchema = {
  oneOf: [
    event('transcript.text.delta', 'What each segment adds to the text.', { delta: text, logprobs }, ['logprobs']),
    event(
      'transcript.text.segment',
      'With verbose_json: each segment, with its words where they are asked for.',
      { ...ofSegment, no_speech_prob: number, words },
      ['words'],
    ),
    event(
      'transcript.text.done',
      'The whole text; with verbose_json also what is known of the recording.',
      { text, logprobs, usage, ...ofRecording },
      ['logprobs', ...Object.keys(ofRecording)],
    ),
    event('transcript.begin', 'With whisper_json, before all others.', {
      model: text,
      device: text,
      duration: orNull('number'),
    }),
    event('transcript.segment', 'With whisper_json: each segment, with its words where they are asked for.', {
      segment: object({ ...ofSegment, no_speech_prob: orNull('number'), words, language: text }, ['words']),
    }),
    event('transcript.progress', 'With whisper_json: how much has been heard.', { seconds: number }),
    event('transcript.warning', 'With whisper_json: what is wrong with the recording.', { message: text }),
    event('transcript.done', 'With whisper_json, behind all others.', {
      language: orNull('string'),
      language_probability: orNull('number'),
      duration: number,
    }),
  ],
};

export const model = object({
  id: text,
  object: { const: 'model' },
  created: { type: 'integer' },
  owned_by: text,
  is_loaded: { type: 'boolean' },
});

export const models = object({ object: { const: 'list' }, data: listOf(model) });

export const deletedModel = object({ id: text, object: { const: 'model' }, deleted: { type: 'boolean' } });

export const rankedLanguages = object({
  language: { type: ['string', 'null'] },
  languages: listOf(object({ code: text, name: text, probability: number })),
});

export const health = object({ status: { const: 'ok' }, version: text });

export const readiness = object({ status: { const: 'ready' } });

export const plainText = text;

export const anyObject: JsonSchema = { type: 'object' };

export const errorSchema = object({
  error: object({
    message: text,
    type: text,
    param: { type: ['string', 'null'] },
    code: { type: ['string', 'null'] },
  }),
});
