import type { JsonSchema } from '../../options/json-schema.ts';
import { answerTypes } from '../openai/answers.ts';

const text: JsonSchema = { type: 'string' };
const number: JsonSchema = { type: 'number' };

/** An object, all of whose members are there but those that are named. */
function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

const segment = object({
  id: { type: 'integer' },
  seek: { type: 'integer' },
  start: number,
  end: number,
  text,
  tokens: listOf({ type: 'integer' }),
  temperature: number,
  avg_logprob: number,
  compression_ratio: number,
  no_speech_prob: number,
});

/** json has a text and what of it was asked for, verbose_json all but logprobs. */
const transcript = object(
  {
    text,
    usage: object({ type: { const: 'duration' }, seconds: { type: 'integer' } }),
    logprobs: listOf(object({ token: text, bytes: listOf({ type: 'integer' }), logprob: number })),
    task: { enum: ['transcribe', 'translate'] },
    language: text,
    duration: number,
    words: listOf(object({ word: text, start: number, end: number, probability: number })),
    segments: listOf(segment),
  },
  ['logprobs', 'task', 'language', 'duration', 'words', 'segments'],
);

/** Of a transcript, by the type that goes with a format. */
export const transcriptAnswers: Readonly<Record<string, JsonSchema>> = {
  ...Object.fromEntries(answerTypes.map((type) => [type, type === 'application/json' ? transcript : text])),
  'text/event-stream': text,
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
