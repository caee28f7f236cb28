import type { DecoderRun, Step, StepResult } from '../../src/backend/backend.ts';
import { chooseToken, decodeGreedily } from '../../src/backend/greedy.ts';
import { rowsOf } from '../../src/logits/rows.ts';

/** What `greedy` of sequences over so many windows is where `forward` says what comes next. */
export function greedyBy(
  windows: number,
  nVocab: number,
  forward: (step: Step) => Promise<StepResult>,
): DecoderRun['greedy'] {
  return (request) =>
    decodeGreedily(
      request,
      {
        lengths: new Array<number>(windows).fill(0),
        append: () => {},
        truncate: () => {},
        async choose(tokens, allowed) {
          const [rows = []] = rowsOf((await forward({ tokens })).logits, nVocab, 1);
          return allowed.map((ofText, text) => chooseToken(rows[text] as Float32Array, ofText));
        },
      },
      () => false,
    );
}
