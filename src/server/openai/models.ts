import { type Exchange, sendJson } from '../http/exchange.ts';
import type { ListedModel } from '../model-host.ts';
import type { ServerParts } from '../server-parts.ts';

/** Answers with the models on this machine, the default one first. */
export async function answerModels(exchange: Exchange, { models }: ServerParts): Promise<void> {
  sendJson(exchange, { object: 'list', data: (await models.list()).map(modelJson) });
}

export async function answerModel(exchange: Exchange, { models }: ServerParts, id: string): Promise<void> {
  sendJson(exchange, modelJson(await models.find(id)));
}

function modelJson({ id, isLoaded }: ListedModel) {
  // Clients want a date. When a model was published or fetched is not what they look for.
  return { id, object: 'model', created: 0, owned_by: 'whisper-npu', is_loaded: isLoaded };
}
