import { describe, expect, test } from 'vitest';
import { chooseExecutionPlan, chunks, compacted } from '../../../src/backend/npu/execution-plan.ts';
import type { StepInput } from '../../../src/backend/npu/row-inputs.ts';
import type { RowsFile } from '../../../src/backend/npu/rows-models.ts';
import type { ModelDimensions } from '../../../src/model/dimensions.ts';

/** Of whisper-medium. */
const nTextCtx = 448;
const dimensions: ModelDimensions = {
  nMels: 80,
  nAudioCtx: 1500,
  nAudioState: 1024,
  nAudioHead: 16,
  nAudioLayer: 24,
  nTextCtx,
  nTextState: 1024,
  nTextHead: 16,
  nTextLayer: 24,
  nVocab: 51865,
};
const file = (rows: number, windows: number, capacity: number, candidates = 0, outputsAttention = false): RowsFile => ({
  file: `${outputsAttention ? 'aligner' : 'rows'}-${rows}-${windows}-${capacity}.om`,
  rows,
  windows,
  capacity,
  candidates,
  outputsAttention,
});
const files = [
  file(64, 1, nTextCtx),
  file(5, 1, 1344, 10),
  file(8, 8, nTextCtx),
  file(40, 8, 1344, 10),
  file(64, 1, nTextCtx, 0, true),
];

/** A step of so many sequences over each window, all of a length, whose rows lie one behind the other or one text apart. */
function step(
  shape: Partial<Record<'windows' | 'sequences' | 'tokensPerSequence' | 'length' | 'kvLength', number>>,
): StepInput {
  const { windows = 1, sequences = 1, tokensPerSequence = 1, length = 0 } = shape;
  const { kvLength = length } = shape;
  const count = windows * sequences * tokensPerSequence;
  return {
    tokens: new Int32Array(count),
    positions: new Int32Array(count),
    windows,
    tokensPerSequence,
    pastEntries: Array.from({ length: windows * sequences }, () => Array.from({ length }, (_, i) => i)),
    kvLength,
    firstToken: 0,
  };
}

function planFor(
  stepInput: StepInput,
  {
    from = stepInput.tokensPerSequence - 1,
    attention = false,
    candidates = 0,
    roomForWindows = 8,
    of = files,
  }: Partial<Record<'from' | 'candidates' | 'roomForWindows', number>> & {
    readonly attention?: boolean;
    readonly of?: readonly RowsFile[];
  } = {},
) {
  const choices = { dimensions, files: of, decoderWidths: [4, 1], roomForWindows };
  const chosen = chooseExecutionPlan(stepInput, choices, {
    logitsFrom: from,
    attention,
    ...(candidates > 0 ? { candidates } : {}),
  });
  return chosen?.kind === 'rows' ? chosen.file.file : chosen?.kind;
}

describe('what computes a step', () => {
  test.each<[string, StepInput, string | undefined]>([
    ['a prompt of four tokens', step({ tokensPerSequence: 4 }), 'decoders'],
    ['the next token of a text', step({ length: 30 }), 'decoders'],
    ['a longer prompt', step({ tokensPerSequence: 30 }), 'rows-64-1-448.om'],
    ['a beam step', step({ sequences: 5, length: 20, kvLength: 60 }), 'rows-5-1-1344.om'],
    [
      'fewer sequences than the graph has rows for',
      step({ sequences: 2, length: 20, kvLength: 60 }),
      'rows-5-1-1344.om',
    ],
    [
      'more sequences than the graph for beams takes',
      step({ sequences: 7, length: 20, kvLength: 60 }),
      'rows-64-1-448.om',
    ],
    ['those once the log is long', step({ sequences: 7, length: 100, kvLength: 600 }), 'rows-5-1-1344.om'],
    ['a log longer than any graph sees', step({ sequences: 5, length: 400, kvLength: 1342 }), undefined],
    ['eight windows, a token each', step({ windows: 8, length: 4 }), 'rows-8-8-448.om'],
    ['three windows, a token each', step({ windows: 3, length: 4 }), 'rows-8-8-448.om'],
    ['two windows, for which the graph of eight is too much', step({ windows: 2, length: 4 }), 'decoders'],
    ['eight prompts of four tokens', step({ windows: 8, tokensPerSequence: 4 }), 'rows-40-8-1344.om'],
    ['eight windows and five beams', step({ windows: 8, sequences: 5, length: 4, kvLength: 30 }), 'rows-40-8-1344.om'],
  ])('%s', (_, stepInput, expected) => {
    expect(planFor(stepInput)).toBe(expected);
  });

  test('logits of several tokens make one execution of several rows better than several of one', () => {
    expect(planFor(step({ tokensPerSequence: 4 }), { from: 0 })).toBe('rows-5-1-1344.om');
  });

  test('candidates are those of a graph that gives as many at once, or come of logits', () => {
    const alone = step({ length: 30 });
    expect(planFor(alone, { candidates: 6 })).toBe('rows-5-1-1344.om');
    expect(planFor(alone, { candidates: 11 })).toBe('decoders');
    const long = step({ tokensPerSequence: 30 });
    expect(planFor(long, { candidates: 6 })).toBe('rows-64-1-448.om');
    const windows = step({ windows: 8, length: 4 });
    expect(planFor(windows, { candidates: 6 })).toBe('rows-40-8-1344.om');
    expect(planFor(windows, { candidates: 6, of: files.slice(0, 3) })).toBe('rows-8-8-448.om');
  });

  test('attention is the aligner’s alone', () => {
    expect(planFor(step({ tokensPerSequence: 4 }), { attention: true })).toBe('aligner-64-1-448.om');
    expect(planFor(step({ tokensPerSequence: 4 }), { attention: true, of: [] })).toBeUndefined();
  });

  test('windows are not taken together where the audio’s memory has no room for those beside them', () => {
    expect(planFor(step({ windows: 3, length: 4 }), { roomForWindows: 3 })).toBe('decoders');
  });

  test('without rows graphs a text that is the beginning of its log goes on, and nothing else', () => {
    expect(planFor(step({ tokensPerSequence: 30 }), { of: [] })).toBe('decoders');
    expect(planFor(step({ sequences: 2, length: 3 }), { of: [] })).toBeUndefined();
    expect(planFor(step({ length: 3, kvLength: 4 }), { of: [] })).toBeUndefined();
  });
});

test('a text is cut where the decoders can give the logits that are wanted', () => {
  const counts = (tokensPerSequence: number, from: number) =>
    chunks(tokensPerSequence, [4, 1], from).map(({ count }) => count);
  expect(counts(7, 6)).toEqual([4, 1, 1, 1]);
  expect(counts(6, 4)).toEqual([4, 1, 1]);
  expect(counts(5, 5)).toEqual([4, 1]);
  expect(counts(3, 0)).toEqual([1, 1, 1]);
});

describe('rows moved together', () => {
  const live: StepInput = {
    ...step({ sequences: 2, length: 4, kvLength: 12 }),
    pastEntries: [
      [0, 1, 5, 9],
      [0, 1, 6, 10],
    ],
  };

  test('keep their order and their sequences', () => {
    const { stepInput, moves } = compacted(live);
    expect(stepInput).toMatchObject({
      kvLength: 6,
      pastEntries: [
        [0, 1, 2, 4],
        [0, 1, 3, 5],
      ],
    });
    expect(moves).toEqual([
      { window: 0, from: 5, to: 2, count: 2 },
      { window: 0, from: 9, to: 4, count: 2 },
    ]);
  });

  test('move in pieces that do not overlap with themselves', () => {
    const shifted = { ...step({ length: 6 }), pastEntries: [[1, 2, 3, 5, 6, 7]], kvLength: 8 };
    const log = Array.from({ length: 8 }, (_, i) => i);
    const { stepInput, moves } = compacted(shifted);
    for (const { from, to, count } of moves) {
      expect(to + count).toBeLessThanOrEqual(from);
      log.copyWithin(to, from, from + count);
    }
    expect(stepInput.pastEntries[0]?.map((row) => log[row])).toEqual(shifted.pastEntries[0]);
  });

  test('are moved in each window for itself', () => {
    const { stepInput, moves } = compacted({
      ...step({ windows: 2, length: 2, kvLength: 4 }),
      pastEntries: [
        [0, 1],
        [1, 3],
      ],
    });
    expect(stepInput).toMatchObject({
      kvLength: 2,
      pastEntries: [
        [0, 1],
        [0, 1],
      ],
    });
    expect(moves.map(({ window }) => window)).toEqual([1, 1]);
  });
});
