import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PublishedModel } from '../catalog.ts';
import { type CheckpointFormat, inspectFolder } from '../checkpoint-files.ts';
import { cacheHome } from '../store.ts';
import { type FetchContext, SourceError } from './context.ts';

/** Where Python's huggingface_hub keeps what it fetched; undefined for a user without a home folder. */
function hubCacheDirectory(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const named = env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'];
  if (named) return named;
  if (env['HF_HOME']) return join(env['HF_HOME'], 'hub');
  const cache = cacheHome(env);
  return cache === undefined ? undefined : join(cache, 'huggingface', 'hub');
}

/**
 * Finds a model in the local Hugging Face cache (`models--org--name/{refs/main,snapshots/<revision>/…}`, the files
 * being links to blobs). It is used where it lies.
 *
 * @throws SourceError if it is not there whole, or not with the pinned content
 */
export async function findInHubCache(
  model: PublishedModel,
  context: Pick<FetchContext, 'env' | 'signal' | 'onEvent'>,
): Promise<{ directory: string; format: CheckpointFormat }> {
  const cache = hubCacheDirectory(context.env);
  if (cache === undefined) throw new SourceError('not there');
  const repository = join(cache, `models--${model.repository.replace('/', '--')}`);
  const directories = await snapshots(repository);
  if (directories.length === 0) throw new SourceError('not there');
  let problem = 'not there';
  for (const directory of directories) {
    const found = await inspectFolder(directory);
    if ('problem' in found) problem = `${basename(directory)} ${found.problem}`;
    else if (await hasPinnedContent(directory, model, context)) return { directory, format: found.format };
    else problem = `${basename(directory)} is not the published content`;
  }
  throw new SourceError(problem);
}

/** The revision that `main` stands for, then the others, newest first. */
async function snapshots(repository: string): Promise<string[]> {
  const main = (await readFile(join(repository, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  const revisions = await readdir(join(repository, 'snapshots')).catch(() => []);
  const dated = await Promise.all(
    revisions.map(async (revision) => {
      const directory = join(repository, 'snapshots', revision);
      return { directory, age: revision === main ? Number.POSITIVE_INFINITY : (await stat(directory)).mtimeMs };
    }),
  );
  return dated.sort((a, b) => b.age - a.age).map(({ directory }) => directory);
}

async function hasPinnedContent(
  directory: string,
  model: PublishedModel,
  context: Pick<FetchContext, 'signal' | 'onEvent'>,
): Promise<boolean> {
  for (const [file, sha256] of Object.entries(model.sha256)) {
    const path = await realpath(join(directory, file)).catch(() => undefined);
    if (path === undefined) return false;
    // The cache names the blob of a large file by its SHA-256; without links (on some disks) there is no blob.
    if (basename(path) === sha256) continue;
    context.onEvent({ kind: 'verifying', file });
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash, { signal: context.signal });
    if (hash.digest('hex') !== sha256) return false;
  }
  return true;
}
