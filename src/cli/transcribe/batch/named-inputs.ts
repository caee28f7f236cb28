import { UsageError } from '../../../errors.ts';
import type { Session } from '../../session.ts';
import type { Terminal } from '../../terminal.ts';
import { readInputList } from './input-list.ts';
import { findInputs, findListed, type Input } from './inputs.ts';

/**
 * The recordings that a command line names, and those of a list that it names.
 *
 * @param filesFrom the list; '-' is stdin
 * @throws UsageError where nothing is named, or stdin twice
 */
export async function namedInputs(
  args: readonly string[],
  filesFrom: string | undefined,
  session: Session,
  { note }: Terminal,
): Promise<Input[]> {
  if (args.length === 0 && filesFrom === undefined) {
    throw new UsageError('NO_INPUT', "missing required argument 'audio'", {
      hint: 'name files or folders, or a list of them with --files-from; --help shows all options',
    });
  }
  if ([...args, filesFrom].filter((input) => input === '-').length > 1)
    throw new UsageError('STDIN_TWICE', 'stdin (-) can be read only once');
  const named = await findInputs(args, note);
  if (filesFrom === undefined) return named;
  const listed = await readInputList(filesFrom, session.stdin);
  if (listed.length === 0) note(`the list of files ${filesFrom === '-' ? 'on stdin' : filesFrom} is empty`);
  return [...named, ...(await findListed(listed, note))];
}
