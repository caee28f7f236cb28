import { WhisperNpuError } from '../../errors.ts';
import { printable } from '../../printable.ts';
import type { AnsweredRequest } from '../../server/http/http-server.ts';

interface LogOptions {
  readonly quiet?: boolean | undefined;
  readonly logFormat: 'line' | 'json';
  readonly logTranscripts?: boolean | undefined;
}

/** Longer paths are nobody's who means well. */
const longestPath = 200;

/** Writes about each request that has been answered; what was said only where that is asked for. */
export function requestLog(
  { quiet = false, logFormat, logTranscripts = false }: LogOptions,
  stderr: { write(text: string): unknown },
): (answered: AnsweredRequest) => void {
  return (answered) => {
    const { facts } = answered;
    const isOurFault =
      facts.error !== undefined && !(facts.error instanceof WhisperNpuError) && answered.status !== 499;
    if (quiet && !isOurFault) return;
    const text = logTranscripts ? facts.text : undefined;
    stderr.write(`${logFormat === 'json' ? jsonLine(answered, text) : plainLine(answered, text)}\n`);
    if (isOurFault) stderr.write(`${printable(stackOf(facts.error))}\n`);
  };
}

function plainLine({ id, method, path, status, seconds, facts }: AnsweredRequest, text: string | undefined): string {
  const parts = [
    `${method} ${path.slice(0, longestPath)} ${status} in ${seconds.toFixed(3)} s`,
    ...(facts.audioSeconds === undefined ? [] : [`${facts.audioSeconds.toFixed(1)} s of audio`]),
    ...(facts.model === undefined ? [] : [facts.model]),
    id,
    ...(codeOf(facts.error) === undefined ? [] : [`${codeOf(facts.error)}: ${messageOf(facts.error)}`]),
    ...(text === undefined ? [] : [text]),
  ];
  return printable(`${new Date().toISOString()} ${parts.join(', ')}`);
}

function jsonLine({ id, method, path, status, seconds, facts }: AnsweredRequest, text: string | undefined): string {
  const { audioSeconds, model, error } = facts;
  return JSON.stringify({
    time: new Date().toISOString(),
    id,
    method,
    path: path.slice(0, longestPath),
    status,
    seconds: Number(seconds.toFixed(4)),
    ...(audioSeconds === undefined ? {} : { audioSeconds }),
    ...(model === undefined ? {} : { model }),
    ...(error === undefined ? {} : { error: codeOf(error), message: messageOf(error) }),
    ...(text === undefined ? {} : { text }),
  });
}

function codeOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  return error instanceof WhisperNpuError ? error.code : 'UNEXPECTED';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
