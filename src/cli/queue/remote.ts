import { join } from 'node:path';
import { storeDirectory } from '../../model/store.ts';
import type { Remote } from '../../queue/job-files.ts';
import { audioCache } from '../../queue/s3/audio-cache.ts';
import { openS3, type S3Objects } from '../../queue/s3/objects.ts';
import type { Session } from '../session.ts';

/** What lies in S3, asked for when something does. */
export function remoteOf(env: Session['env'], cacheGigabytes: number): Remote {
  let opened: Promise<S3Objects> | undefined;
  return {
    objects() {
      opened ??= openS3(env);
      return opened;
    },
    cache: audioCache(join(storeDirectory(env), 'queue', '.audio'), cacheGigabytes * 1e9),
  };
}
