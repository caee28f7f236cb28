import type { Route } from '../http/router.ts';
import { about } from '../openapi/about.ts';
import type { ServerParts } from '../server-parts.ts';
import { answerJob, answerResult, dropJob, takeJob, watchJob } from './answer-jobs.ts';

/** What a server that takes jobs answers to beside all else. */
export function jobRoutes(parts: ServerParts): Route[] {
  const { jobs } = parts;
  if (jobs === undefined) return [];
  return [
    {
      method: 'POST',
      path: '/v1/jobs',
      about: about.takeJob,
      handle: (exchange) => takeJob(exchange, parts, jobs),
    },
    {
      method: 'GET',
      path: '/v1/jobs/{id}',
      about: about.getJob,
      handle: (exchange, [id = '']) => answerJob(exchange, jobs, id),
    },
    {
      method: 'DELETE',
      path: '/v1/jobs/{id}',
      about: about.dropJob,
      handle: (exchange, [id = '']) => dropJob(exchange, jobs, id),
    },
    {
      method: 'GET',
      path: '/v1/jobs/{id}/events',
      about: about.watchJob,
      handle: (exchange, [id = '']) => watchJob(exchange, jobs, id),
    },
    {
      method: 'GET',
      path: '/v1/jobs/{id}/results/{format}',
      about: about.jobResult,
      handle: (exchange, names) => answerResult(exchange, jobs, names),
    },
  ];
}
