import { wholeCharacters } from '../../output/plain-text.ts';
import type { Recognition } from '../../transcribe/recognise.ts';
import type { Segment } from '../../transcribe/segment.ts';
import type { SentEvent } from '../http/event-stream.ts';
import type { RequestFacts } from '../http/exchange.ts';
import { recordingJson, segmentEvent, segmentLogprobs, spokenText, usageOf } from './answers.ts';
import type { SpeechRequest } from './fields.ts';

/**
 * A text as it is written, in OpenAI's events: one for each segment, one with all of it. In verbose_json a second event for each
 * segment says when it was said, under the name that OpenAI has for segments of a speaker.
 */
export async function* textEvents(
  facts: RequestFacts,
  request: SpeechRequest,
  { segments, info }: Recognition,
): AsyncGenerator<SentEvent> {
  const said: Segment[] = [];
  const addedBy = trimmedPieces();
  const isVerbose = request.format === 'verbose_json';
  for await (const segment of segments) {
    said.push(segment);
    const delta = addedBy(wholeCharacters(segment.text));
    const logprobs = request.wantsLogprobs ? { logprobs: segmentLogprobs(segment) } : {};
    if (delta !== '') yield event({ type: 'transcript.text.delta', delta, ...logprobs });
    if (isVerbose) yield event({ type: 'transcript.text.segment', ...segmentEvent(segment, request) });
  }
  const { audioSeconds, language } = info();
  const spoken = spokenText(said, request);
  Object.assign(facts, { audioSeconds, text: spoken.text });
  const about = isVerbose ? recordingJson({ audioSeconds, language, task: request.options.task }) : {};
  yield event({ type: 'transcript.text.done', ...about, ...spoken, usage: usageOf({ audioSeconds }) });
}

/** Says what each text adds to all of them without the spaces around: pieces that are, put together, the text that comes at the end. */
function trimmedPieces(): (text: string) => string {
  let blank = '';
  let hasBegun = false;
  return (text) => {
    const come = hasBegun ? blank + text : text.trimStart();
    const piece = come.trimEnd();
    blank = come.slice(piece.length);
    hasBegun ||= piece !== '';
    return piece;
  };
}

function event<Event extends { readonly type: string }>(value: Event): SentEvent {
  return { type: value.type, json: JSON.stringify(value) };
}
