import type { Pool } from '../pool/pool.ts';
import { RequestError, unavailable } from './http/request-error.ts';

/** What to load. */
export interface ModelOpening {
  /** Undefined for the default model. */
  readonly id: string | undefined;
  /** Whether it may be fetched. The default model always may. */
  readonly mayFetch: boolean;
}

/** A model in use. Disposing of it lets go of it. */
export interface ModelUse extends Disposable {
  readonly pool: Pool;
}

export interface HeldModelsOptions {
  open(opening: ModelOpening): Promise<Pool>;
  /** After how long without a request a model is freed; undefined for never. */
  readonly idleUnloadSeconds?: number | undefined;
  /** Told where freeing one that nobody waits for fails. */
  onUnloadFailure?(error: unknown): void;
}

/** Models in memory, by name; the default one is under none. Disposing of them frees their devices. */
export interface HeldModels extends AsyncDisposable {
  /** Known once it has been loaded. */
  readonly defaultName: string | undefined;
  isLoaded(key: string | undefined): boolean;
  load(key: string | undefined): Promise<Pool>;
  /** Waits until the default model is there, where it is being loaded. */
  whole(): Promise<void>;
  /** Loads a model where it is not there; while it is used it stays. */
  use(opening: ModelOpening): Promise<ModelUse>;
  /** Ends when its memory is free. @throws RequestError 409 where it is being used */
  free(key: string | undefined): Promise<void>;
  pools(): readonly Pool[];
}

interface HeldModel {
  readonly pool: Promise<Pool>;
  loaded: Pool | undefined;
  /** Requests that use it. */
  uses: number;
  idle: NodeJS.Timeout | undefined;
}

export function openHeldModels({ open, idleUnloadSeconds, onUnloadFailure }: HeldModelsOptions): HeldModels {
  const held = new Map<string | undefined, HeldModel>();
  const leaving = new Set<Promise<void>>();
  let defaultName: string | undefined;
  let isClosed = false;

  const hold = ({ id, mayFetch }: ModelOpening): HeldModel => {
    if (isClosed) throw unavailable('SHUTTING_DOWN', 'the server is shutting down', 5);
    const before = held.get(id);
    if (before !== undefined) return before;
    // What is being freed makes room for it.
    const pool = Promise.all(leaving).then(() => open({ id, mayFetch }));
    const model: HeldModel = { pool, loaded: undefined, uses: 0, idle: undefined };
    held.set(id, model);
    pool.then(
      (loaded) => {
        model.loaded = loaded;
        if (id === undefined) defaultName = loaded.name;
        rest(id, model);
      },
      () => held.delete(id),
    );
    return model;
  };
  const release = (key: string | undefined, model: HeldModel): Promise<void> => {
    clearTimeout(model.idle);
    held.delete(key);
    const freed = model.pool.then((pool) => pool[Symbol.asyncDispose]());
    const gone = () => void leaving.delete(done);
    const done: Promise<void> = freed.then(gone, gone);
    leaving.add(done);
    return freed;
  };
  const rest = (key: string | undefined, model: HeldModel) => {
    if (idleUnloadSeconds === undefined || model.uses > 0 || held.get(key) !== model) return;
    model.idle = setTimeout(() => {
      release(key, model).catch((error: unknown) => onUnloadFailure?.(error));
    }, 1000 * idleUnloadSeconds);
    model.idle.unref();
  };
  const use = async (opening: ModelOpening): Promise<ModelUse> => {
    const model = hold(opening);
    model.uses++; // while it is being loaded already, so that nobody frees it
    clearTimeout(model.idle);
    let isUsed = true;
    const leave = () => {
      if (!isUsed) return;
      isUsed = false;
      model.uses--;
      if (model.loaded !== undefined) rest(opening.id, model);
    };
    try {
      return { pool: await model.pool, [Symbol.dispose]: leave };
    } catch (error) {
      leave();
      throw error;
    }
  };
  return {
    get defaultName() {
      return defaultName;
    },
    isLoaded: (key) => held.get(key)?.loaded !== undefined,
    load: (key) => hold({ id: key, mayFetch: false }).pool,
    async whole() {
      await held.get(undefined)?.pool;
    },
    use,
    async free(key) {
      const model = held.get(key);
      if (model === undefined) return;
      if (model.uses === 0 && model.loaded !== undefined) return release(key, model);
      throw new RequestError(409, 'MODEL_IN_USE', 'the model is being used', {
        param: 'model',
        hint: 'come again when its requests are answered',
      });
    },
    pools: () => [...held.values()].flatMap(({ loaded }) => (loaded === undefined ? [] : [loaded])),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const [key, model] of [...held]) release(key, model).catch(() => undefined);
      await Promise.all(leaving);
    },
  };
}
