/** A queue of asynchronous tasks that are executed one after the other. */
export interface Turns {
  /** Executes a task once all earlier ones have ended, whether they failed or not. */
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for all tasks so far, whether they fail or not. */
  ended(): Promise<void>;
}

export function inTurn(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(work) {
      const turn = last.then(work);
      last = turn.catch(() => undefined); // the caller of take() gets the error
      return turn;
    },
    async ended() {
      await last;
    },
  };
}
