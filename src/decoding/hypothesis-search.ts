import type { DecoderRun, SequenceStep } from '../backend/backend.ts';
import { type Candidate, likeliestCandidates } from '../logits/candidates.ts';
import { rowsOf } from '../logits/rows.ts';
import { beamSearch, candidatesPerHypothesis } from './beam-search.ts';
import { logitFilters, rulesForTimestamps } from './logit-filters.ts';
import { sampling } from './sampling.ts';
import { bestHypothesis, type Hypothesis, type Search, type SearchStart } from './search.ts';
import { suppressMask } from './suppress.ts';

/**
 * Searches for the best hypothesis of each window by beam search or sampling; the steps of all windows are computed together.
 *
 * @returns the best hypotheses, without the end token
 */
export async function searchHypotheses(
  run: DecoderRun,
  start: SearchStart,
  signal: AbortSignal | undefined,
): Promise<Hypothesis[]> {
  const { temperature, beamSize } = start.options;
  return temperature === 0 && beamSize > 1
    ? search(start, byCandidates(run, start, signal))
    : search(start, byLogits(run, start, signal));
}

/** Decodes steps and returns what a search strategy needs to know of the next tokens. */
interface ScoreSource<Scores> {
  createSearch(): Search<Scores>;
  /** The scores behind the prompt of each window. */
  first(): Scores[];
  /** Decodes a step and returns the scores for each hypothesis. @param sequences the tokens of each, this step's included */
  next(step: SequenceStep, sequences: readonly (readonly number[])[]): Promise<Scores[]>;
}

async function search<Scores>(
  { options, maxTokens }: SearchStart,
  { createSearch, first, next }: ScoreSource<Scores>,
): Promise<Hypothesis[]> {
  let scores = first().map((ofWindow): readonly Scores[] => [ofWindow]);
  const searches = scores.map(createSearch);
  let hypotheses: (readonly Hypothesis[])[] = scores.map(() => [{ tokens: [], sumLogprob: 0 }]);
  for (let count = 1; ; count++) {
    const steps = searches.map((ofWindow, i) =>
      ofWindow.update(hypotheses[i] as readonly Hypothesis[], scores[i] as readonly Scores[]),
    );
    const countsBefore = hypotheses.map(({ length }) => length);
    hypotheses = steps.map((step) => step.hypotheses);
    if (count >= maxTokens || steps.every(({ isComplete }) => isComplete)) break;
    const parents = steps.flatMap(({ parents: parentsOfWindow }, i) =>
      parentsOfWindow.map((parent) => i * (countsBefore[i] as number) + parent),
    );
    const sequences = hypotheses.flat().map(({ tokens }) => tokens);
    const nextScores = await next({ tokens: sequences.map((tokens) => tokens.slice(-1)), parents }, sequences);
    const perWindow = nextScores.length / hypotheses.length;
    scores = hypotheses.map((_, i) => nextScores.slice(i * perWindow, (i + 1) * perWindow));
  }
  return searches.map((ofWindow, i) =>
    bestHypothesis(ofWindow.finish(hypotheses[i] as readonly Hypothesis[]), options.lengthPenalty),
  );
}

/** Beam search needs only a few candidates for each hypothesis. */
function byCandidates(
  run: DecoderRun,
  { rules, options, logits }: SearchStart,
  signal: AbortSignal | undefined,
): ScoreSource<readonly Candidate[]> {
  const { eot, noTimestamps, nVocab } = rules.special;
  const { beamSize, patience } = options;
  const count = candidatesPerHypothesis(beamSize);
  const timestampRules = options.timestamps ? rulesForTimestamps(rules, options) : undefined;
  const never = [...rules.suppressTokens, ...options.suppress, ...(options.timestamps ? [noTimestamps] : [])];
  const suppress = suppressMask(nVocab, never);
  return {
    createSearch: () => beamSearch({ eot, beamSize, patience }),
    first() {
      const allowed = {
        suppress: suppressMask(nVocab, [...never, ...rules.beginSuppressTokens]),
        ...(timestampRules === undefined ? {} : { timestamps: { rules: timestampRules, sampled: [] } }),
      };
      return logits.map((row) => likeliestCandidates(row, count, allowed));
    },
    next(step, sequences) {
      const timestamps = timestampRules === undefined ? {} : { timestamps: { rules: timestampRules, sequences } };
      return run.candidates(step, { count, suppress, ...timestamps }, signal);
    },
  };
}

/** Sampling needs the logits of all tokens. */
function byLogits(
  run: DecoderRun,
  { rules, options, logits }: SearchStart,
  signal: AbortSignal | undefined,
): ScoreSource<Float32Array> {
  const { eot, nVocab } = rules.special;
  const { temperature, bestOf, random } = options;
  const filters = logitFilters(rules, options);
  const filtered = (row: Float32Array, sampled: readonly number[]) => {
    for (const filter of filters) filter.apply(row, sampled);
    return row;
  };
  return {
    createSearch: () => sampling({ eot, temperature, hypothesisCount: temperature === 0 ? 1 : bestOf, random }),
    first: () => logits.map((row) => filtered(row, [])),
    async next(step, sequences) {
      const [rows = []] = rowsOf((await run.forward(step, signal)).logits, nVocab, 1);
      return rows.map((row, i) => filtered(row, sequences[i] ?? []));
    },
  };
}
