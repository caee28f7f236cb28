import type { IncomingMessage } from 'node:http';
import * as v from 'valibot';
import type { LanguageProbability } from '../decoding/language.ts';
import { formBody, newBoundary } from './form-body.ts';
import { postForm, type RemoteServer } from './post-form.ts';
import { connectionLost, notOurs } from './server-failure.ts';

const ranking = v.object({ languages: v.array(v.object({ code: v.string(), probability: v.number() })) });
/** There are a hundred languages. */
const longestAnswer = 65_536;

/**
 * Has a server say which languages a recording may be in.
 *
 * @returns all languages, likeliest first; none for a recording without samples
 * @throws ServerError, or what the server says of the recording
 */
export async function detectLanguagesRemotely(
  server: RemoteServer,
  { fields, ...file }: { readonly path: string; readonly name: string; readonly fields: readonly [string, string][] },
): Promise<readonly LanguageProbability[]> {
  const { url } = server;
  const answer = await postForm(server, '/v1/audio/languages', formBody(fields, file, newBoundary()));
  const text = await wholeText(answer).catch((cause: unknown) => {
    server.signal.throwIfAborted();
    throw connectionLost(url, cause);
  });
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), ranking), text);
  if (!read.success) throw notOurs(url, 'it does not say languages');
  return read.output.languages.map(({ code, probability }) => ({ language: code, probability }));
}

async function wholeText(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += chunk;
    if (text.length > longestAnswer) throw new RangeError('the answer does not end');
  }
  return text;
}
