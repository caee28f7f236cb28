import { expectTypeOf, test } from 'vitest';
import type { OpenRecordingOptions } from '../../src/open-recording.ts';
import type { audioCallOptions, audioOptions } from '../../src/options/audio.ts';
import type { decodingOptions } from '../../src/options/decoding.ts';
import type { detectorOptions } from '../../src/options/detector.ts';
import type { modelOptions } from '../../src/options/model.ts';
import type { modelCallOptions } from '../../src/options/model-calls.ts';
import type { GivenTo } from '../../src/options/option.ts';
import type { poolOptions, turnOptions } from '../../src/options/pool.ts';
import type { speechOptions } from '../../src/options/speech.ts';
import type { wordOptions } from '../../src/options/subtitles.ts';
import type { transcribeCallOptions } from '../../src/options/transcribe-calls.ts';
import type { CueLayout } from '../../src/output/cues.ts';
import type { OpenPoolOptions } from '../../src/pool/open-pool.ts';
import type { PoolTranscribeOptions } from '../../src/pool/pool.ts';
import type { LoadModelOptions } from '../../src/setup/load-model.ts';
import type { TranscribeOptions } from '../../src/transcribe/options.ts';
import type { ChunkOptions } from '../../src/vad/speech-chunks.ts';

/** Without what is no plain value: functions, signals and objects have types of their own in the library. */
type Plain<T> = {
  [Name in keyof T as NonNullable<T[Name]> extends string | number | boolean | readonly unknown[]
    ? Name
    : never]: Exclude<T[Name], undefined>;
};

type Loading = GivenTo<typeof modelOptions, 'loadModel()'> & GivenTo<typeof modelCallOptions, 'loadModel()'>;
type Pooling = GivenTo<typeof modelOptions, 'openPool()'> &
  GivenTo<typeof modelCallOptions, 'openPool()'> &
  GivenTo<typeof poolOptions, 'openPool()'>;
type Opening = GivenTo<typeof audioOptions, 'openRecording()'> & GivenTo<typeof audioCallOptions, 'openRecording()'>;
type Transcribing = GivenTo<typeof audioOptions, 'transcribe()'> &
  GivenTo<typeof speechOptions, 'transcribe()'> &
  GivenTo<typeof wordOptions, 'transcribe()'> &
  GivenTo<typeof decodingOptions, 'transcribe()'> &
  GivenTo<typeof transcribeCallOptions, 'transcribe()'>;

type TakingTurns = GivenTo<typeof turnOptions, 'pool.transcribe()'>;

// What is wrong here is found by tsc (npm run check), not when the test runs.
test('the documented types of the library have the options that are described, with their types', () => {
  expectTypeOf<keyof LoadModelOptions>().toEqualTypeOf<keyof Loading>();
  expectTypeOf<Plain<LoadModelOptions>>().toEqualTypeOf<Plain<Loading>>();
  expectTypeOf<keyof OpenPoolOptions>().toEqualTypeOf<keyof Pooling>();
  expectTypeOf<Plain<OpenPoolOptions>>().toEqualTypeOf<Plain<Pooling>>();
  expectTypeOf<Exclude<keyof PoolTranscribeOptions, keyof TranscribeOptions>>().toEqualTypeOf<keyof TakingTurns>();
  expectTypeOf<Plain<Pick<PoolTranscribeOptions, 'priority'>>>().toEqualTypeOf<Plain<TakingTurns>>();
  expectTypeOf<keyof OpenRecordingOptions>().toEqualTypeOf<keyof Opening>();
  expectTypeOf<Plain<OpenRecordingOptions>>().toEqualTypeOf<Plain<Opening>>();
  expectTypeOf<keyof TranscribeOptions>().toEqualTypeOf<keyof Transcribing>();
  expectTypeOf<Plain<TranscribeOptions>>().toEqualTypeOf<Plain<Transcribing>>();
  expectTypeOf<keyof ChunkOptions>().toEqualTypeOf<keyof GivenTo<typeof detectorOptions, 'speech.options'>>();
  expectTypeOf<Plain<ChunkOptions>>().toEqualTypeOf<Plain<GivenTo<typeof detectorOptions, 'speech.options'>>>();
  expectTypeOf<keyof CueLayout>().toEqualTypeOf<keyof GivenTo<typeof wordOptions, 'formats'>>();
  expectTypeOf<Plain<CueLayout>>().toEqualTypeOf<Plain<GivenTo<typeof wordOptions, 'formats'>>>();
});
