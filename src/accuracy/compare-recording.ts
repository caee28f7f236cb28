import { windows } from '../audio/windows.ts';
import { nSamples, sampleRate } from '../features/log-mel.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Clip, Reference } from './reference.ts';
import { compareWindow, type ReferenceWindow, type WindowComparison, type WindowOptions } from './window.ts';
import { type TextErrors, textErrors } from './word-errors.ts';

export interface Recording {
  readonly name: string;
  /** Of the file, hex. */
  readonly sha256: string;
  /** Mono f32 at 16 kHz, in blocks of any length. */
  readonly samples: AsyncIterable<Float32Array>;
}

export interface CompareOptions extends WindowOptions {
  /** Told what the reference makes of each window. */
  readonly onReference?: (clip: Clip, window: ReferenceWindow) => void | Promise<void>;
}

/**
 * Holds a model against a reference window by window: up to 30 s each, one after another, so that recordings of any
 * length can be compared.
 */
export async function* compareRecording(
  tested: LoadedModel,
  reference: Reference,
  { name, sha256, samples }: Recording,
  options: CompareOptions,
): AsyncGenerator<WindowComparison & { readonly audioSeconds: number }> {
  let window = 0;
  for await (const block of windows(samples, nSamples)) {
    const clip: Clip = { file: name, sha256, window: window++, samples: block };
    const expected = await reference.window(clip, options);
    await options.onReference?.(clip, expected);
    const comparison = await compareWindow(tested, block, expected, options);
    yield { ...comparison, audioSeconds: block.length / sampleRate };
  }
}

/** One file on both sides. */
export interface FileComparison {
  readonly file: string;
  readonly audioSeconds: number;
  /** False where the comparison was broken off before the file's end. */
  readonly isComplete: boolean;
  readonly windows: readonly WindowComparison[];
  readonly figures: Figures;
  /** Whisper's code of the first window's language, on the reference's side. */
  readonly language: string;
  readonly referenceText: string;
  readonly testedText: string;
  /** Against what was really said, where that is known. */
  readonly errors?: { readonly reference: TextErrors; readonly tested: TextErrors };
}

/**
 * Sums up what {@link compareRecording} gave.
 *
 * @param windows at least one
 * @param transcript what was really said in the whole of it
 */
export function summariseFile(
  file: string,
  windows: readonly (WindowComparison & { readonly audioSeconds: number })[],
  { isComplete, transcript }: { readonly isComplete: boolean; readonly transcript?: string | undefined },
): FileComparison {
  const referenceText = windows.map(({ reference }) => reference.text).join('');
  const testedText = windows.map(({ tested }) => tested.text).join('');
  const language = windows[0]?.reference.language ?? 'en';
  const errors =
    transcript === undefined || !isComplete
      ? {}
      : {
          errors: {
            reference: textErrors(transcript, referenceText, language),
            tested: textErrors(transcript, testedText, language),
          },
        };
  return {
    file,
    audioSeconds: windows.reduce((sum, { audioSeconds }) => sum + audioSeconds, 0),
    isComplete,
    windows,
    figures: figuresOf(windows),
    language,
    referenceText,
    testedText,
    ...errors,
  };
}
