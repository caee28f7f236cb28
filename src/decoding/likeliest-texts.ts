import type { DecoderRun, TextStep } from '../backend/backend.ts';
import { type Candidate, likeliestCandidates } from '../logits/candidates.ts';
import { rowsOf } from '../logits/rows.ts';
import { beamSearch, candidatesPerText } from './beam-search.ts';
import { logitFilters, rulesForTimestamps } from './logit-filters.ts';
import { sampling } from './sampling.ts';
import { type Beginning, bestText, type Hypothesis, type Search } from './search.ts';
import { suppressMask } from './suppress.ts';

/**
 * Searches for the likeliest text of each window, in step with all others, by beams or by sampling.
 *
 * @returns texts without the end token
 */
export async function likeliestTexts(
  run: DecoderRun,
  beginning: Beginning,
  signal: AbortSignal | undefined,
): Promise<Hypothesis[]> {
  const { temperature, beamSize } = beginning.options;
  return temperature === 0 && beamSize > 1
    ? search(beginning, byCandidates(run, beginning, signal))
    : search(beginning, byLogits(run, beginning, signal));
}

/** What a search looks at behind each text, and how it gets there. */
interface Outlook<Seen> {
  createSearch(): Search<Seen>;
  /** Behind each window's prompt. */
  first(): Seen[];
  /** Behind each text, in order. @param texts the texts once the step is done */
  next(step: TextStep, texts: readonly (readonly number[])[]): Promise<Seen[]>;
}

async function search<Seen>(
  { options, mostTokens }: Beginning,
  { createSearch, first, next }: Outlook<Seen>,
): Promise<Hypothesis[]> {
  let seen = first().map((ofWindow): readonly Seen[] => [ofWindow]);
  const searches = seen.map(createSearch);
  let texts: (readonly Hypothesis[])[] = seen.map(() => [{ tokens: [], sumLogprob: 0 }]);
  for (let count = 1; ; count++) {
    const steps = searches.map((ofWindow, i) =>
      ofWindow.update(texts[i] as readonly Hypothesis[], seen[i] as readonly Seen[]),
    );
    const textsBefore = texts.map(({ length }) => length);
    texts = steps.map(({ hypotheses }) => hypotheses);
    if (count >= mostTokens || steps.every(({ isComplete }) => isComplete)) break;
    const sources = steps.flatMap(({ sources: own }, i) =>
      own.map((source) => i * (textsBefore[i] as number) + source),
    );
    const all = texts.flat().map(({ tokens }) => tokens);
    const behind = await next({ tokens: all.map((tokens) => tokens.slice(-1)), sources }, all);
    const perWindow = behind.length / texts.length;
    seen = texts.map((_, i) => behind.slice(i * perWindow, (i + 1) * perWindow));
  }
  return searches.map((ofWindow, i) =>
    bestText(ofWindow.finish(texts[i] as readonly Hypothesis[]), options.lengthPenalty),
  );
}

/** Beams: of each text a few candidates are all that they need to know. */
function byCandidates(
  run: DecoderRun,
  { rules, options, logits }: Beginning,
  signal: AbortSignal | undefined,
): Outlook<readonly Candidate[]> {
  const { eot, noTimestamps, nVocab } = rules.special;
  const { beamSize, patience } = options;
  const count = candidatesPerText(beamSize);
  const timestampRules = options.timestamps ? rulesForTimestamps(rules, options) : undefined;
  const never = [...rules.suppressTokens, ...options.suppress, ...(options.timestamps ? [noTimestamps] : [])];
  const suppress = suppressMask(nVocab, never);
  return {
    createSearch: () => beamSearch({ eot, beamSize, patience }),
    first() {
      const allowed = {
        suppress: suppressMask(nVocab, [...never, ...rules.beginSuppressTokens]),
        ...(timestampRules === undefined ? {} : { timestamps: { rules: timestampRules, text: [] } }),
      };
      return logits.map((row) => likeliestCandidates(row, count, allowed));
    },
    next(step, texts) {
      const timestamps = timestampRules === undefined ? {} : { timestamps: { rules: timestampRules, texts } };
      return run.candidates(step, { count, suppress, ...timestamps }, signal);
    },
  };
}

/** Sampling draws from all tokens. */
function byLogits(
  run: DecoderRun,
  { rules, options, logits }: Beginning,
  signal: AbortSignal | undefined,
): Outlook<Float32Array> {
  const { eot, nVocab } = rules.special;
  const { temperature, bestOf, random } = options;
  const filters = logitFilters(rules, options);
  const filtered = (row: Float32Array, text: readonly number[]) => {
    for (const filter of filters) filter.apply(row, text);
    return row;
  };
  return {
    createSearch: () => sampling({ eot, temperature, texts: temperature === 0 ? 1 : bestOf, random }),
    first: () => logits.map((row) => filtered(row, [])),
    async next(step, texts) {
      const [rows = []] = rowsOf((await run.forward(step, signal)).logits, nVocab, 1);
      return rows.map((row, i) => filtered(row, texts[i] ?? []));
    },
  };
}
