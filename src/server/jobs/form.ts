import type { JsonSchema } from '../../options/json-schema.ts';
import { formOf, type OwnField, speechFields } from '../openai/own-fields.ts';

/** Fields that say how an answer comes, which that of a job does not. */
export const notOfJobs: readonly string[] = ['stream', 'timestamps'] satisfies OwnField[];

/** The form that comes with a recording that is to be a job. */
export const jobForm: JsonSchema = formOf(
  Object.fromEntries(Object.entries(speechFields('transcribe')).filter(([name]) => !notOfJobs.includes(name))),
);
