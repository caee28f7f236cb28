import type { PositionDifference, VectorDifference } from '../../src/accuracy/compare.ts';
import { type FileComparison, summariseFile } from '../../src/accuracy/compare-recording.ts';
import { type AccuracyResult, overallOf } from '../../src/accuracy/result.ts';
import type { WindowComparison } from '../../src/accuracy/window.ts';

/** A position where both sides are the same. */
export const position: PositionDifference = {
  token: 7,
  maxProbabilityDifferencePercent: 0,
  cosine: 1,
  klDivergence: 0,
  sameTop1: true,
  rank: 1,
};

export interface WindowParts {
  readonly positions?: readonly PositionDifference[];
  readonly encoder?: VectorDifference | undefined;
  readonly referenceTokens?: readonly number[];
  readonly testedTokens?: readonly number[];
  readonly referenceText?: string;
  readonly testedText?: string;
}

/** A window on both sides, alike but for what is said. */
export function windowOf(parts: WindowParts): WindowComparison {
  const tokens = parts.referenceTokens ?? [7, 8];
  const text = parts.referenceText ?? ' seven eight';
  return {
    reference: { language: 'en', prompt: [1, 2], tokens, text },
    tested: { language: 'en', tokens: parts.testedTokens ?? tokens, text: parts.testedText ?? text },
    positions: parts.positions ?? [position, position],
    encoder: 'encoder' in parts ? parts.encoder : { maxAbs: 0, cosine: 1, relative: 0 },
  };
}

export function fileOf(parts: WindowParts, file = 'a.wav', transcript?: string): FileComparison {
  const windows = [{ ...windowOf(parts), audioSeconds: 4 }];
  return summariseFile(file, windows, { isComplete: true, transcript });
}

export function accuracyResult(files: readonly FileComparison[]): AccuracyResult {
  return {
    kind: 'whisper-npu accuracy',
    version: 1,
    measuredAt: '2026-01-02T03:04:05.000Z',
    reference: { model: 'whisper-base', device: 'CPU, 2 threads', dtype: 'float32' },
    tested: { model: 'whisper-base', device: 'NPU 0, Ascend910B4', dtype: 'float16' },
    standIn: false,
    complete: true,
    thresholdPercent: 1,
    files,
    overall: overallOf(files, 1),
    environment: { Node: 'v20' },
  };
}
