import { publishedModel } from '../model/catalog.ts';
import type { StoredModel } from '../model/store.ts';
import type { Pool } from '../pool/pool.ts';
import { RequestError, unavailable } from './http/request-error.ts';

/** What clients of OpenAI ask for, in place of which they get the server's own model. */
const openaiNames = new Set([
  'whisper-1',
  'gpt-transcribe',
  'gpt-4o-transcribe',
  'gpt-4o-mini-transcribe',
  'gpt-4o-mini-transcribe-2025-12-15',
]);

/** A model that can be asked for. */
export interface ListedModel {
  readonly id: string;
  readonly isLoaded: boolean;
}

/** A model in use. Disposing of it lets go of it. */
export interface ModelUse extends Disposable {
  readonly pool: Pool;
}

/** The models of a server. Disposing of it frees their devices. */
export interface ModelHost extends AsyncDisposable {
  /** Whether the default model is there. */
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
  /** What has been loaded. */
  pools(): readonly Pool[];
}

export interface ModelHostOptions {
  /** @param id undefined for the default model */
  open(id: string | undefined): Promise<Pool>;
  /** The models on this machine. */
  stored(): Promise<readonly StoredModel[]>;
}

interface HeldModel {
  readonly pool: Promise<Pool>;
  loaded: Pool | undefined;
}

export function openModelHost({ open, stored }: ModelHostOptions): ModelHost {
  /** The default model is under no name. */
  const held = new Map<string | undefined, HeldModel>();
  let isClosed = false;

  const hold = (key: string | undefined): Promise<Pool> => {
    if (isClosed) throw unavailable('SHUTTING_DOWN', 'the server is shutting down', 5);
    const before = held.get(key);
    if (before !== undefined) return before.pool;
    const model: HeldModel = { pool: open(key), loaded: undefined };
    held.set(key, model);
    model.pool.then(
      (pool) => {
        model.loaded = pool;
      },
      () => held.delete(key),
    );
    return model.pool;
  };
  const defaultName = () => held.get(undefined)?.loaded?.name;
  const list = async (): Promise<ListedModel[]> => {
    const name = defaultName();
    const others = (await stored()).map((model) => model.name).filter((id) => id !== name);
    const own = name === undefined ? [] : [{ id: name, isLoaded: true }];
    return [...own, ...others.map((id) => ({ id, isLoaded: held.get(id)?.loaded !== undefined }))];
  };
  const find = async (id: string): Promise<ListedModel> => {
    const listed = await list();
    const isDefault = openaiNames.has(id) || id === '';
    const wanted = isDefault ? defaultName() : nameOf(id);
    const found = listed.find((model) => model.id === wanted);
    if (found !== undefined) return found;
    throw new RequestError(404, 'MODEL_NOT_FOUND', `there is no model ${id.slice(0, 100)} here`, {
      param: 'model',
      hint: `there are ${[...listed.map((model) => model.id), 'whisper-1'].join(', ')}`,
    });
  };
  return {
    get isReady() {
      return defaultName() !== undefined;
    },
    load: () => hold(undefined),
    list,
    find,
    async use(id) {
      // A server that has just been started keeps its first clients waiting for the model.
      if (openaiNames.has(id) || id === '') return { pool: await hold(undefined), [Symbol.dispose]: () => {} };
      await held.get(undefined)?.pool;
      const { id: name } = await find(id);
      return { pool: await hold(name === defaultName() ? undefined : name), [Symbol.dispose]: () => {} };
    },
    pools: () => [...held.values()].flatMap(({ loaded }) => (loaded === undefined ? [] : [loaded])),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.allSettled([...held.values()].map(async ({ pool }) => (await pool)[Symbol.asyncDispose]()));
    },
  };
}

/** The name in the store of a model under one of its other names; what is no name stays what it is. */
function nameOf(id: string): string {
  try {
    return publishedModel(id).name;
  } catch {
    return id;
  }
}
