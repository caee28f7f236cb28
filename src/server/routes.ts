import { sendJson, sendText } from './http/exchange.ts';
import { unavailable } from './http/request-error.ts';
import type { Route } from './http/router.ts';
import { jobRoutes } from './jobs/routes.ts';
import { answerLanguages } from './openai/languages.ts';
import { answerModel, answerModels, loadModel, unloadModel } from './openai/models.ts';
import { answerSpeech } from './openai/transcriptions.ts';
import { about } from './openapi/about.ts';
import { openApiDocument } from './openapi/document.ts';
import { pageRoutes } from './page-routes.ts';
import { prometheusType } from './prometheus.ts';
import type { ServerParts } from './server-parts.ts';

type Handle = Route['handle'];

/** Everything that the server answers to. */
export function routesOf(parts: ServerParts, isDraining: () => boolean): Route[] {
  const transcribe: Handle = (exchange) => answerSpeech(exchange, parts, 'transcribe');
  const translate: Handle = (exchange) => answerSpeech(exchange, parts, 'translate');
  const languages: Handle = (exchange) => answerLanguages(exchange, parts);
  const listModels: Handle = (exchange) => answerModels(exchange, parts);
  const getModel: Handle = (exchange, [id = '']) => answerModel(exchange, parts, id);
  const load: Handle = (exchange, [id = '']) => loadModel(exchange, parts, id);
  const unload: Handle = (exchange, [id = '']) => unloadModel(exchange, parts, id);
  const metrics: Handle = (exchange) => sendText(exchange, parts.metrics.text(), prometheusType);
  const describe: Handle = (exchange) => sendJson(exchange, openApiDocument(routes, parts.version));
  const health: Handle = (exchange) => sendJson(exchange, { status: 'ok', version: parts.version });
  const ready: Handle = (exchange) => {
    if (isDraining()) throw unavailable('SHUTTING_DOWN', 'the server is shutting down', 5);
    if (!parts.models.isReady) throw unavailable('MODEL_LOADING', 'the model is being loaded', 5);
    sendJson(exchange, { status: 'ready' });
  };
  const whileItLives = { isOpen: true, isAlways: true };
  const routes: Route[] = [
    ...pageRoutes(),
    { method: 'POST', path: '/v1/audio/transcriptions', about: about.transcriptions, handle: transcribe },
    { method: 'POST', path: '/v1/audio/translations', about: about.translations, handle: translate },
    { method: 'POST', path: '/v1/audio/languages', about: about.languages, handle: languages },
    { method: 'GET', path: '/v1/models', about: about.listModels, handle: listModels },
    { method: 'GET', path: '/v1/models/{id}', about: about.getModel, handle: getModel },
    { method: 'POST', path: '/v1/models/{id}', about: about.loadModel, handle: load },
    { method: 'DELETE', path: '/v1/models/{id}', about: about.unloadModel, handle: unload },
    ...jobRoutes(parts),
    { method: 'GET', path: '/metrics', about: about.metrics, isAlways: true, handle: metrics },
    { method: 'GET', path: '/openapi.json', about: about.openApi, handle: describe },
    { method: 'GET', path: '/health', about: about.health, ...whileItLives, handle: health },
    { method: 'GET', path: '/ready', about: about.ready, ...whileItLives, handle: ready },
  ];
  return routes;
}
