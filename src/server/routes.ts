import { sendJson, sendText } from './http/exchange.ts';
import { unavailable } from './http/request-error.ts';
import type { Route } from './http/router.ts';
import { answerModel, answerModels } from './openai/models.ts';
import { answerSpeech } from './openai/transcriptions.ts';
import { pageRoutes } from './page-routes.ts';
import { prometheusType } from './prometheus.ts';
import type { ServerParts } from './server-parts.ts';

/** Everything that the server answers to. */
export function routesOf(parts: ServerParts, isDraining: () => boolean): Route[] {
  return [
    ...pageRoutes(),
    {
      method: 'POST',
      path: '/v1/audio/transcriptions',
      handle: (exchange) => answerSpeech(exchange, parts, 'transcribe'),
    },
    {
      method: 'POST',
      path: '/v1/audio/translations',
      handle: (exchange) => answerSpeech(exchange, parts, 'translate'),
    },
    { method: 'GET', path: '/v1/models', handle: (exchange) => answerModels(exchange, parts) },
    { method: 'GET', path: '/v1/models/{id}', handle: (exchange, [id = '']) => answerModel(exchange, parts, id) },
    {
      method: 'GET',
      path: '/metrics',
      isAlways: true,
      handle: (exchange) => sendText(exchange, parts.metrics.text(), prometheusType),
    },
    {
      method: 'GET',
      path: '/health',
      isOpen: true,
      isAlways: true,
      handle: (exchange) => sendJson(exchange, { status: 'ok', version: parts.version }),
    },
    {
      method: 'GET',
      path: '/ready',
      isOpen: true,
      isAlways: true,
      handle(exchange) {
        if (isDraining()) throw unavailable('SHUTTING_DOWN', 'the server is shutting down', 5);
        if (!parts.models.isReady) throw unavailable('MODEL_LOADING', 'the model is being loaded', 5);
        sendJson(exchange, { status: 'ready' });
      },
    },
  ];
}
