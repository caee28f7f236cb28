import type { Segment } from '../transcribe/segment.ts';

/** What a finished file says of itself beside its segments. */
export interface TranscriptInfo {
  readonly file: string;
  readonly model: string;
  readonly device: string;
  readonly task: string;
  readonly audioSeconds: number;
  readonly elapsedSeconds: number;
}

/**
 * One transcript as a JSON object on one line. Field names are openai/whisper's where it has the field
 * (whisper/transcribe.py); `device`, `model`, `elapsed` and `rtf` are ours.
 */
export function transcriptJson(info: TranscriptInfo, segments: readonly Segment[]): string {
  const [first] = segments;
  return JSON.stringify({
    file: info.file,
    text: segments.map(({ text }) => text).join(''),
    segments: segments.map((segment, id) => ({
      id,
      start: round(segment.startSeconds, 3),
      end: round(segment.endSeconds, 3),
      text: segment.text,
      tokens: segment.tokens,
      avg_logprob: round(segment.avgLogprob, 5),
    })),
    language: first?.language ?? null,
    task: info.task,
    duration: round(info.audioSeconds, 3),
    model: info.model,
    device: info.device,
    elapsed: round(info.elapsedSeconds, 3),
    rtf: info.audioSeconds === 0 ? null : round(info.elapsedSeconds / info.audioSeconds, 4),
  });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
