import { catalog, publishedModel } from '../model/catalog.ts';
import type { StoredModel } from '../model/store.ts';
import type { Pool } from '../pool/pool.ts';
import { type HeldModelsOptions, type ModelUse, openHeldModels } from './held-models.ts';
import { RequestError } from './http/request-error.ts';

/** What clients of OpenAI ask for, in place of which they get the server's own model. */
const openaiNames = new Set([
  'whisper-1',
  'gpt-transcribe',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-mini-transcribe-2025-12-15',
]);

/** Whether a client asks for no model in particular. */
export function isAnyModel(id: string): boolean {
  return openaiNames.has(id) || id === '';
}

/** A model that can be asked for. */
export interface ListedModel {
  readonly id: string;
  readonly isLoaded: boolean;
}

/** The models of a server. Disposing of it frees their devices. */
export interface ModelHost extends AsyncDisposable {
  /** Whether the default model has been there: where it is not in use it may have been freed, and comes again. */
  readonly isReady: boolean;
  /** Loads the default model. */
  load(): Promise<Pool>;
  list(): Promise<readonly ListedModel[]>;
  /** @throws RequestError 404 */
  find(id: string): Promise<ListedModel>;
  /**
   * Loads a model where it is not there yet.
   *
   * @param id a name; what is a path or an address is nothing that could be found
   * @throws RequestError 404 where there is none; what loading throws
   */
  use(id: string): Promise<ModelUse>;
  /** The same with a model that is published and has to be fetched first. @throws RequestError 404 where there is none */
  fetch(id: string): Promise<ListedModel>;
  /** Frees a model's memory, where it has any. @throws RequestError 404 where there is none, 409 where it is being used */
  unload(id: string): Promise<ListedModel>;
  /** What is loaded. */
  pools(): readonly Pool[];
}

export interface ModelHostOptions extends HeldModelsOptions {
  /** The models on this machine. */
  stored(): Promise<readonly StoredModel[]>;
}

export function openModelHost({ stored, ...options }: ModelHostOptions): ModelHost {
  const held = openHeldModels(options);
  const keyOf = (name: string) => (name === held.defaultName ? undefined : name);
  const listed = (id: string): ListedModel => ({ id, isLoaded: held.isLoaded(keyOf(id)) });
  const list = async (): Promise<ListedModel[]> => {
    const { defaultName } = held;
    const others = (await stored()).map((model) => model.name).filter((id) => id !== defaultName);
    return [...(defaultName === undefined ? [] : [defaultName]), ...others].map(listed);
  };
  const find = async (id: string): Promise<ListedModel> => {
    const all = await list();
    const wanted = isAnyModel(id) ? held.defaultName : nameOf(id);
    const found = all.find((model) => model.id === wanted);
    if (found !== undefined) return found;
    throw new RequestError(404, 'MODEL_NOT_FOUND', `there is no model ${id.slice(0, 100)} here`, {
      param: 'model',
      hint: `there are ${[...all.map((model) => model.id), 'whisper-1'].join(', ')}`,
    });
  };
  return {
    get isReady() {
      return held.defaultName !== undefined;
    },
    load: () => held.load(undefined),
    list,
    find,
    async use(id) {
      // A server that has just been started keeps its first clients waiting for the model.
      if (isAnyModel(id)) return held.use({ id: undefined, mayFetch: false });
      await held.whole();
      const { id: name } = await find(id);
      return held.use({ id: keyOf(name), mayFetch: false });
    },
    async fetch(id) {
      await held.whole();
      const name = isAnyModel(id) ? held.defaultName : (publishedName(id) ?? (await find(id)).id);
      using use = await held.use({ id: name === undefined ? undefined : keyOf(name), mayFetch: true });
      return listed(name ?? use.pool.name);
    },
    async unload(id) {
      const { id: name } = await find(id);
      await held.free(keyOf(name));
      return listed(name);
    },
    pools: held.pools,
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
}

/** @returns undefined for what is not in the catalogue: whatever else there is on a hub is nothing that a client may have fetched */
function publishedName(id: string): string | undefined {
  const name = nameOf(id);
  return catalog.some((model) => model.name === name) ? name : undefined;
}

/** The name in the store of a model under one of its other names; what is no name stays what it is. */
function nameOf(id: string): string {
  try {
    return publishedModel(id).name;
  } catch {
    return id;
  }
}
