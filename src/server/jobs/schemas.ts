import type { JsonSchema } from '../../options/json-schema.ts';
import { jobStates } from '../../queue/job.ts';
import { object, transcript } from '../openapi/schemas.ts';

const text: JsonSchema = { type: 'string' };
const integer: JsonSchema = { type: 'integer' };
const textOrNull: JsonSchema = { type: ['string', 'null'] };
const numberOrNull: JsonSchema = { type: ['number', 'null'] };

const fields = {
  id: text,
  object: { const: 'transcription.job' },
  status: { enum: [...jobStates] },
  created_at: integer,
  file: text,
  jobs_waiting: { ...integer, description: 'While it is one of them.' },
  failed_tries: integer,
  error: { anyOf: [object({ code: text, message: text }), { type: 'null' }] },
  language: textOrNull,
  duration: numberOrNull,
  elapsed: numberOrNull,
  made_by: object({ model: text, dtype: text, device: text, version: text }),
};
const sometimesThere = ['jobs_waiting', 'language', 'duration', 'elapsed', 'made_by'];

export const job = object(fields, sometimesThere);

export const jobWithResult = object(
  {
    ...fields,
    result: {
      description: 'As it was asked for; null until it is finished.',
      anyOf: [text, transcript, { type: 'null' }],
    },
  },
  sometimesThere,
);
