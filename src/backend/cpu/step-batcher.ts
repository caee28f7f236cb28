import type { CpuAddon, NativeModel, NativeStepRequest } from './cpu-addon.ts';

/** Reads results of a request from the engine, which keeps them until the next step. @param firstRow its first row in the step */
export type StepReader<T> = (firstRow: number, attention: Float32Array<ArrayBuffer> | undefined) => T;

/**
 * Adds a request to the engine's next step, and reads its results.
 *
 * @param makeRequest called when the step begins; it throws where the sequences have been ended by then
 */
export type StepBatcher = <T>(makeRequest: () => NativeStepRequest, read: StepReader<T>) => Promise<T>;

interface PendingRequest {
  readonly makeRequest: () => NativeStepRequest;
  readonly done: StepReader<void>;
  readonly failed: (error: unknown) => void;
}

/**
 * Batches the requests of different runs into steps, so that weights are read once for all of them: a step takes whatever has
 * arrived by the time the thread is idle. The results of a sequence do not depend on which others share its steps.
 */
export function stepBatcher(addon: CpuAddon, model: NativeModel): StepBatcher {
  let pending: PendingRequest[] = [];

  function runStep(): void {
    const arrived = pending;
    pending = [];
    const batch: (PendingRequest & { readonly request: NativeStepRequest })[] = [];
    for (const one of arrived) attempt(one, () => batch.push({ ...one, request: one.makeRequest() }));
    if (batch.length === 0) return;
    let attentions: readonly (Float32Array<ArrayBuffer> | undefined)[];
    try {
      attentions = addon.step(
        model,
        batch.map(({ request }) => request),
      );
    } catch (error) {
      for (const { failed } of batch) failed(error);
      return;
    }
    let firstRow = 0;
    for (const [i, one] of batch.entries()) {
      attempt(one, () => one.done(firstRow, attentions[i]));
      firstRow += one.request.tokens.length;
    }
  }
  return (makeRequest, read) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(runStep);
      pending.push({ makeRequest, done: (firstRow, attention) => resolve(read(firstRow, attention)), failed: reject });
    });
}

/** The failure of one request does not affect the others. */
function attempt({ failed }: PendingRequest, work: () => void): void {
  try {
    work();
  } catch (error) {
    failed(error);
  }
}
