import { segmentJson } from '../output/json.ts';
import { type JsonValue, jsonText } from '../output/json-text.ts';
import type { Recognition } from '../transcribe/recognise.ts';
import type { SentEvent } from './http/event-stream.ts';
import type { RequestFacts } from './http/exchange.ts';

/** What is told beside the segments, whenever it becomes known. */
export interface SideNews {
  /** How much of the recording has been heard. */
  progress(seconds: number): void;
  warning(message: string): void;
  /** What has become known since it was last asked. */
  take(): readonly SentEvent[];
  /** Comes when there is something to take. */
  readonly changed: Promise<void>;
}

export function openSideNews(): SideNews {
  let progress: number | undefined;
  let warnings: string[] = [];
  let tell = () => {};
  const next = () =>
    new Promise<void>((resolve) => {
      tell = resolve;
    });
  let changed = next();
  return {
    progress(seconds) {
      progress = seconds;
      tell();
    },
    warning(message) {
      warnings.push(message);
      tell();
    },
    take() {
      const told = warnings.map((message) => event('transcript.warning', { message }));
      if (progress !== undefined) told.push(event('transcript.progress', { seconds: progress }));
      progress = undefined;
      warnings = [];
      changed = next();
      return told;
    },
    get changed() {
      return changed;
    },
  };
}

/** What is known of a recording before anything of it has been heard. */
interface Beginning {
  readonly model: string;
  readonly device: string;
  readonly durationSeconds: number | undefined;
}

/**
 * A transcript as it comes into being, with all that our own formats are made of. Segments are as in openai/whisper's JSON,
 * their words and languages included.
 */
export async function* transcriptEvents(
  facts: RequestFacts,
  { model, device, durationSeconds }: Beginning,
  { segments, info }: Recognition,
  news: SideNews,
): AsyncGenerator<SentEvent> {
  const said: string[] = [];
  let next = segments.next();
  next.catch(() => undefined); // it is met below, unless the client has gone away
  try {
    yield event('transcript.begin', { model, device, duration: durationSeconds ?? null });
    for (;;) {
      const step = await Promise.race([next, news.changed]);
      yield* news.take();
      if (step === undefined) continue;
      if (step.done) break;
      said.push(step.value.text);
      yield event('transcript.segment', { segment: segmentJson(step.value, undefined) });
      next = segments.next();
      next.catch(() => undefined);
    }
    const { language, languageProbability, audioSeconds } = info();
    Object.assign(facts, { audioSeconds, text: said.join('').trim() });
    yield event('transcript.done', {
      language: language ?? null,
      language_probability: languageProbability ?? null,
      duration: audioSeconds,
    });
  } finally {
    await segments.return(undefined);
  }
}

function event(type: string, value: { readonly [field: string]: JsonValue }): SentEvent {
  return { type, json: jsonText({ type, ...value }) };
}
