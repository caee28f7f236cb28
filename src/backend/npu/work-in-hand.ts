import { untilAborted } from './until-aborted.ts';

/** The calls that a backend is at work on, also those whose callers have stopped waiting. */
export class WorkInHand {
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Waits for work until the signal is aborted. */
  async wait<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const ended: Promise<unknown> = work.catch(() => undefined).then(() => this.#running.delete(ended));
    this.#running.add(ended);
    return untilAborted(work, signal);
  }

  /** No more work begins. @returns whether some is under way */
  close(): boolean {
    this.#isClosed = true;
    return this.#running.size > 0;
  }
}
