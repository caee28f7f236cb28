import { fieldSchema, formSchema } from '../../options/form-schema.ts';
import type { JsonSchema } from '../../options/json-schema.ts';
import { speechOptions } from '../../options/speech.ts';
import { responseFormats } from './answers.ts';

/** OpenAI's fields that are read here, and what each may be. */
export const ownFields = {
  model: { type: 'string', description: 'whisper-1 for the server’s own model, or the name of a model that it has.' },
  response_format: { type: 'string', enum: [...responseFormats], default: 'json' },
  stream: { type: 'boolean', default: false, description: 'Answer with events while the text is written.' },
  timestamp_granularities: {
    type: 'array',
    items: { type: 'string', enum: ['word', 'segment'] },
    description: 'What has times in verbose_json.',
  },
  timestamps: {
    type: 'boolean',
    description: 'Whether segments get times; false with json, text and whisper_json only.',
  },
  include: { type: 'array', items: { type: 'string', enum: ['logprobs'] }, description: 'With json only.' },
  chunking_strategy: { type: 'string', description: 'auto, or an object of type server_vad in JSON.' },
  languages: { type: 'array', items: { type: 'string' }, description: 'Languages that may be spoken.' },
} as const satisfies Readonly<Record<string, JsonSchema>>;

export type OwnField = keyof typeof ownFields;

/** Those that mean one of our options, which has another name. */
export const optionOf: Readonly<Record<string, 'initialPrompt' | 'hotwords'>> = {
  prompt: 'initialPrompt',
  keywords: 'hotwords',
};

const file: JsonSchema = { type: 'string', format: 'binary', description: 'The recording, of any format.' };

/** A form with a recording that is to be transcribed or translated. */
export function speechForm(task: 'transcribe' | 'translate'): JsonSchema {
  return formOf(speechFields(task));
}

/** Its fields beside the recording. */
export function speechFields(task: 'transcribe' | 'translate'): Readonly<Record<string, JsonSchema>> {
  const { task: _, ...options } = formSchema();
  const renamed = Object.entries(optionOf).map(([name, option]) => [name, fieldSchema(speechOptions[option])]);
  return {
    ...ownFields,
    ...Object.fromEntries(renamed),
    ...(task === 'transcribe' ? formSchema() : options),
  };
}

/** A form with a recording, and other fields. */
export function formOf(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', required: ['file'], properties: { file, ...properties }, additionalProperties: false };
}
