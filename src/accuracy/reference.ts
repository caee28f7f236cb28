import { UsageError } from '../errors.ts';
import type { ModelDimensions } from '../model/dimensions.ts';
import type { LoadedModel } from '../transcribe/loaded-model.ts';
import { type ReferenceWindow, referenceWindow, type WindowOptions } from './window.ts';

/** One window of a recording. */
export interface Clip {
  /** The recording's name, and the SHA-256 of its file: renamed, it is still the same. */
  readonly file: string;
  readonly sha256: string;
  /** Windows of 30 s before this one. */
  readonly window: number;
  /** Mono f32 at 16 kHz. */
  readonly samples: Float32Array;
}

/** What results are held against: a model that runs now, or what one gave earlier. */
export interface Reference extends AsyncDisposable {
  readonly model: string;
  /** The device that it runs on or ran on, for people. */
  readonly device: string;
  readonly nVocab: number;
  /** Of a model that runs now. */
  readonly dimensions?: ModelDimensions;
  window(clip: Clip, options: WindowOptions): Promise<ReferenceWindow>;
}

/** A model that runs now. It is closed with the reference. */
export function liveReference(model: LoadedModel): Reference {
  return {
    model: model.name,
    device: model.backend.device,
    nVocab: model.backend.dimensions.nVocab,
    dimensions: model.backend.dimensions,
    window: ({ samples }, options) => referenceWindow(model, samples, options),
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}

/** @throws UsageError 'REFERENCE_MISMATCH' where the two do not speak of the same tokens */
export function checkVocabulary(reference: Reference, name: string, { nVocab }: ModelDimensions): void {
  if (reference.nVocab === nVocab) return;
  const sizes = `${reference.nVocab} and ${nVocab} tokens`;
  throw new UsageError('REFERENCE_MISMATCH', `${reference.model} and ${name} have other vocabularies (${sizes})`, {
    hint: 'Compare models of one family: both English-only, both multilingual, or both of large-v3.',
  });
}
