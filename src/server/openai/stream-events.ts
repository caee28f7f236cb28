import type { Recognition } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { errorAnswer } from '../http/error-answer.ts';
import { type Exchange, writePiece } from '../http/exchange.ts';
import { recordingJson, segmentEvent, segmentLogprobs, spokenText, usageOf } from './answers.ts';
import type { SpeechRequest } from './fields.ts';

/** What stands between a client and the server takes a connection on which nothing comes for a dead one. */
const pingMs = 15_000;

/**
 * Answers with a text as it is written: an event for each segment, one with all of it, `[DONE]`. In verbose_json a second event for
 * each segment says when it was said, under the name that OpenAI has for segments of a speaker. What goes wrong before there is
 * any text is an error like any other; afterwards it is an event, which clients throw as one.
 */
export async function streamEvents(
  exchange: Exchange,
  request: SpeechRequest,
  { segments, info }: Recognition,
): Promise<void> {
  const { response, facts, id } = exchange;
  const said: Segment[] = [];
  const isVerbose = request.format === 'verbose_json';
  let next = await segments.next();
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  const ping = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': still at work\n\n');
  }, pingMs);
  try {
    for (; !next.done; next = await segments.next()) {
      const segment = next.value;
      // What comes in pieces is, put together, the text that comes at the end.
      const before = spokenText(said, request).text;
      said.push(segment);
      const delta = spokenText(said, request).text.slice(before.length);
      const logprobs = request.wantsLogprobs ? { logprobs: segmentLogprobs(segment) } : {};
      if (delta !== '') await writePiece(exchange, event({ type: 'transcript.text.delta', delta, ...logprobs }));
      if (isVerbose)
        await writePiece(exchange, event({ type: 'transcript.text.segment', ...segmentEvent(segment, request) }));
    }
    const { audioSeconds, language } = info();
    const spoken = spokenText(said, request);
    Object.assign(facts, { audioSeconds, text: spoken.text });
    const about = isVerbose ? recordingJson({ audioSeconds, language, task: request.options.task }) : {};
    await writePiece(
      exchange,
      event({ type: 'transcript.text.done', ...about, ...spoken, usage: usageOf({ audioSeconds }) }),
    );
    response.end('data: [DONE]\n\n');
  } catch (error) {
    facts.error = error;
    if (response.destroyed) throw error;
    response.end(`data: ${JSON.stringify(errorAnswer(error, id, facts.hidden).body)}\n\n`);
  } finally {
    clearInterval(ping);
    await segments.return(undefined);
  }
}

function event<Event extends { readonly type: string }>(value: Event): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
}
