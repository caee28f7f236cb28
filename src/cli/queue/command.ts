import { Argument, type Command } from 'commander';
import { addOptions } from '../command-options.ts';
import type { Session } from '../session.ts';
import { addJobs } from './add.ts';
import { changeJobs } from './change.ts';
import { showResults } from './results.ts';
import { showStatus } from './status.ts';

export function addQueue(program: Command, session: Session): void {
  const queue = program
    .command('queue')
    .summary('have recordings transcribed by workers')
    .description('Adds recordings to a queue as jobs that workers do, and says what became of them.');
  addOptions(queue.command('add'), 'queue add')
    .summary('add recordings')
    .description(
      'Adds recordings as jobs. Which model transcribes them, and where, is the business of the workers. A recording that is there already with the same options is not added again.',
    )
    .addArgument(new Argument('[audio...]', 'files, folders or quoted globs'))
    .addHelpText(
      'after',
      `
Examples:
  $ whisper-npu queue add --format srt,txt --output-dir subtitles recordings/
  $ whisper-npu worker --until-empty
  $ whisper-npu queue status`,
    )
    .action((args: string[], _: unknown, own: Command) => addJobs(args, own, session));
  addOptions(queue.command('status'), 'queue status')
    .summary('say how many jobs are waiting, active, finished, failed and cancelled')
    .description(
      'Says how many jobs are waiting, active, finished, failed and cancelled, and why those failed that did.',
    )
    .action((_: unknown, own: Command) => showStatus(own, session));
  addOptions(queue.command('results'), 'queue results')
    .summary('list what was done')
    .description('Lists the jobs that have come to their end, with the files that were written.')
    .action((_: unknown, own: Command) => showResults(own, session));
  const jobs = () => new Argument('[job...]', 'the key of a job, or how it begins, or the path of its recording');
  addOptions(queue.command('cancel'), 'queue cancel')
    .summary('cancel jobs')
    .description('Cancels jobs that are not finished; those that are being done are stopped.')
    .addArgument(jobs())
    .action((args: string[], _: unknown, own: Command) => changeJobs('cancel', args, own, session));
  addOptions(queue.command('retry'), 'queue retry')
    .summary('have failed or cancelled jobs tried again')
    .description('Has jobs that failed or were cancelled tried again.')
    .addArgument(jobs())
    .action((args: string[], _: unknown, own: Command) => changeJobs('retry', args, own, session));
}
