import type { JobReport } from '../../queue/job.ts';
import type { JobQueue } from '../../queue/queue.ts';
import type { JobFolders } from './job-folders.ts';

const [soonestMs, latestMs] = [100, 600_000];
/** A folder without a job is what a server left that ended between making one and adding the other. */
const orphanMs = 3_600_000;

/** Whether nothing more comes of a job unless somebody asks for it. */
export function isEnded({ state }: JobReport): boolean {
  return state !== 'waiting' && state !== 'active';
}

/** Does something now and then, until it is disposed of. @param keepMs how long things are kept that are cleared away */
export function openSweeper(
  sweepOnce: () => Promise<void>,
  keepMs: number,
  onWarning: (message: string) => void,
): AsyncDisposable {
  let running: Promise<void> = Promise.resolve();
  const once = () => {
    running = running.then(sweepOnce).catch((error: unknown) => {
      onWarning(`jobs that have ended are not removed: ${error instanceof Error ? error.message : String(error)}`);
    });
  };
  const timer = setInterval(once, Math.min(latestMs, Math.max(soonestMs, keepMs / 10)));
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

/** Removes the recordings and results of jobs that have been at their end for so long, and the jobs. */
export async function sweep(folders: JobFolders, queue: JobQueue, keepMs: number): Promise<void> {
  for (const id of await folders.ids()) {
    const about = await folders.about(id);
    const report = about === undefined ? undefined : await queue.report(about.key);
    if (report !== undefined && !isEnded(report)) {
      await folders.reopen(id);
      continue;
    }
    const endedForMs = await folders.endedForMs(id);
    if (endedForMs < (report === undefined ? Math.max(keepMs, orphanMs) : keepMs)) continue;
    if (about !== undefined) await queue.forget([about.key]);
    await folders.remove(id);
  }
}
