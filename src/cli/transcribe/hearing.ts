import type { Recognition } from '../../transcribe/recognise.ts';

/** A recording that is being listened to, here or by a server. */
export interface Heard extends Recognition {
  readonly model: string;
  readonly device: string;
  readonly durationSeconds: number | undefined;
}

/** Begins to listen to a recording, and says how far it is. */
export type Hearing = (told: {
  onProgress(seconds: number): void;
  onWarning(message: string): void;
}) => Heard | Promise<Heard>;
