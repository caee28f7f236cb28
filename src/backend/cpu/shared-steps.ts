import type { CpuAddon, NativeModel, NativeStepPart } from './cpu-addon.ts';

/** What may be asked of the engine about a step, by the rows that a part of it has, before the next step is made. */
export type StepReader<T> = (firstRow: number, attention: Float32Array<ArrayBuffer> | undefined) => T;

/**
 * Makes a part of the engine's next step, and reads what comes of it.
 *
 * @param begin says what the part is when the step begins; it throws where there can be none any more
 */
export type ShareStep = <T>(begin: () => NativeStepPart, read: StepReader<T>) => Promise<T>;

interface Waiting {
  readonly begin: () => NativeStepPart;
  readonly done: StepReader<void>;
  readonly failed: (error: unknown) => void;
}

/**
 * Steps that texts of different runs share, so that weights are read once for all of them: what is asked for until the thread has
 * nothing else to do is one step. What a text gives does not depend on who shares its steps.
 */
export function sharedSteps(addon: CpuAddon, model: NativeModel): ShareStep {
  let waiting: Waiting[] = [];

  function stepTogether(): void {
    const asked = waiting;
    waiting = [];
    const sharing: (Waiting & { readonly part: NativeStepPart })[] = [];
    for (const one of asked) attempt(one, () => sharing.push({ ...one, part: one.begin() }));
    if (sharing.length === 0) return;
    let attentions: readonly (Float32Array<ArrayBuffer> | undefined)[];
    try {
      attentions = addon.step(
        model,
        sharing.map(({ part }) => part),
      );
    } catch (error) {
      for (const { failed } of sharing) failed(error);
      return;
    }
    let firstRow = 0;
    for (const [i, one] of sharing.entries()) {
      attempt(one, () => one.done(firstRow, attentions[i]));
      firstRow += one.part.tokens.length;
    }
  }
  return (begin, read) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(stepTogether);
      waiting.push({ begin, done: (firstRow, attention) => resolve(read(firstRow, attention)), failed: reject });
    });
}

/** One part that fails is no other's concern. */
function attempt({ failed }: Waiting, work: () => void): void {
  try {
    work();
  } catch (error) {
    failed(error);
  }
}
