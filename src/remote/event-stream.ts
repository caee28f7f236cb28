/** Nobody says so much at once: a segment of 30 s with its words takes some kilobytes. */
const longestEvent = 4e6;

/**
 * Reads server-sent events.
 *
 * @returns the data of each
 * @throws RangeError for one that does not end
 */
export async function* readEvents(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const events = `${rest}${chunk}`.split('\n\n');
    rest = events.pop() ?? '';
    if (rest.length > longestEvent) throw new RangeError('an event does not end');
    for (const event of events) {
      const lines = event.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
      if (lines.length > 0) yield lines.join('\n');
    }
  }
}
