import type { DecoderRun } from '../backend/backend.ts';
import { rowsOf } from '../logits/rows.ts';
import { beamSearch } from './beam-search.ts';
import { logitFilters } from './logit-filters.ts';
import type { DecodingOptions } from './options.ts';
import { sampling } from './sampling.ts';
import { type Beginning, bestText, type Hypothesis, type Search } from './search.ts';

/**
 * Searches for the likeliest text of each window, in step with all others, by beams or by sampling.
 *
 * @returns texts without the end token
 */
export async function likeliestTexts(
  run: DecoderRun,
  { rules, options, logits: first, mostTokens }: Beginning,
  signal: AbortSignal | undefined,
): Promise<Hypothesis[]> {
  const { nVocab, eot } = rules.special;
  const filters = logitFilters(rules, options);
  const searches = first.map(() => createSearch(eot, options));
  let texts: (readonly Hypothesis[])[] = first.map(() => [{ tokens: [], sumLogprob: 0 }]);
  let logits: (readonly Float32Array[])[] = first.map((row) => [row]);
  for (let count = 1; ; count++) {
    const steps = searches.map((search, i) => {
      const before = texts[i] as readonly Hypothesis[];
      const rows = logits[i] as readonly Float32Array[];
      for (const [j, row] of rows.entries())
        for (const filter of filters) filter.apply(row, (before[j] as Hypothesis).tokens);
      return search.update(before, rows);
    });
    const textsBefore = texts.map(({ length }) => length);
    texts = steps.map(({ hypotheses }) => hypotheses);
    if (count >= mostTokens || steps.every(({ isComplete }) => isComplete)) break;
    const sources = steps.flatMap(({ sources: own }, i) =>
      own.map((source) => i * (textsBefore[i] as number) + source),
    );
    const tokens = texts.flatMap((ofWindow) => ofWindow.map((text) => text.tokens.slice(-1)));
    logits = rowsOf((await run.forward({ tokens, sources }, signal)).logits, nVocab, first.length);
  }
  return searches.map((search, i) => bestText(search.finish(texts[i] as readonly Hypothesis[]), options.lengthPenalty));
}

function createSearch(eot: number, { temperature, beamSize, bestOf, patience, random }: DecodingOptions): Search {
  if (temperature === 0 && beamSize > 1) return beamSearch({ eot, beamSize, patience });
  return sampling({ eot, temperature, texts: temperature === 0 ? 1 : bestOf, random });
}
