import type { JsonSchema } from '../../options/json-schema.ts';
import type { RouteAbout } from '../http/router.ts';
import { jobForm } from '../jobs/form.ts';
import { job, jobWithResult } from '../jobs/schemas.ts';
import { languagesForm } from '../openai/languages.ts';
import { speechForm } from '../openai/own-fields.ts';
import {
  anyObject,
  deletedModel,
  health,
  model,
  models,
  plainText,
  rankedLanguages,
  readiness,
  resultAnswers,
  transcriptAnswers,
} from './schemas.ts';

function inJson(summary: string, schema: JsonSchema): RouteAbout {
  return { summary, answers: { 'application/json': schema } };
}

/** What each route is for. */
export const about = {
  transcriptions: {
    summary: 'Says what is said in a recording.',
    form: speechForm('transcribe'),
    answers: transcriptAnswers,
  },
  translations: {
    summary: 'Says in English what is said in a recording.',
    form: speechForm('translate'),
    answers: transcriptAnswers,
  },
  languages: {
    ...inJson('Says which languages a recording may be in, likeliest first.', rankedLanguages),
    form: languagesForm,
  },
  listModels: inJson('Lists the models on this machine.', models),
  getModel: inJson('Says whether there is such a model.', model),
  loadModel: inJson('Loads a model, which is fetched first where it is one that is published and not here.', model),
  unloadModel: inJson('Frees the memory of a model; its files stay.', deletedModel),
  takeJob: {
    ...inJson('Takes a recording as a job for a worker, and answers before that is done.', job),
    form: jobForm,
    status: 202,
  },
  getJob: inJson('Says how a job stands, and its result when it is finished.', jobWithResult),
  dropJob: inJson('Cancels a job, or removes one that is at its end.', anyObject),
  watchJob: {
    summary: 'Tells of a job whenever its state has changed, until its end.',
    answers: { 'text/event-stream': plainText },
  },
  jobResult: {
    summary: 'The result of a job that is finished, in any response_format.',
    answers: resultAnswers,
  },
  metrics: { summary: 'Figures for Prometheus.', answers: { 'text/plain': plainText } },
  openApi: inJson('This description.', anyObject),
  health: inJson('Whether the server runs.', health),
  ready: inJson('Whether it takes requests.', readiness),
} satisfies Readonly<Record<string, RouteAbout>>;
