/** Samples at 16 kHz that one probability stands for. */
export const windowSamples = 512;

/** What tells speech from everything else, by sound alone. */
export interface SpeechModel extends AsyncDisposable {
  /** Begins to listen to a recording. Several may be listened to at once. */
  listen(): SpeechListener;
}

/** One recording being listened to; each probability depends on all that came before it. */
export interface SpeechListener {
  /**
   * @param samples the next ones, mono at 16 kHz in [-1, 1], a multiple of `windowSamples`
   * @returns f32, for each window the probability that somebody speaks in it
   */
  push(samples: Float32Array): Promise<Float32Array>;
}
