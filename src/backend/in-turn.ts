/** What is done one after the other. */
export interface Turns {
  /** Does something once all that came before has ended, well or not. */
  take<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for all that has come so far, whatever becomes of it. */
  ended(): Promise<void>;
}

export function inTurn(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return {
    take(work) {
      const turn = last.then(work);
      last = turn.catch(() => undefined); // its caller is told
      return turn;
    },
    async ended() {
      await last;
    },
  };
}
