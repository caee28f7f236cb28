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

/** Answers when a model is there, and has been fetched if need be. */
export async function loadModel(exchange: Exchange, { models }: ServerParts, id: string): Promise<void> {
  sendJson(exchange, modelJson(await models.fetch(id)));
}

/** Answers when a model's memory is free. */
export async function unloadModel(exchange: Exchange, { models }: ServerParts, id: string): Promise<void> {
  const { id: name } = await models.unload(id);
  sendJson(exchange, { id: name, object: 'model', deleted: true });
}

function modelJson({ id, isLoaded }: ListedModel) {
  // Clients want a date. When a model was published or fetched is not what they look for.
  return { id, object: 'model', created: 0, owned_by: 'whisper-npu', is_loaded: isLoaded };
}
