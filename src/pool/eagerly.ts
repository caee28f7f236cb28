/**
 * Lets a generator go on whether somebody takes what it gives or not, so that a slow reader keeps nobody waiting but himself.
 *
 * @param start given what tells it that nobody listens any more
 */
export async function* eagerly<T extends object>(
  start: (left: AbortSignal) => AsyncGenerator<T>,
): AsyncGenerator<T, void, undefined> {
  const left = new AbortController();
  const given: T[] = [];
  const state = { isEnded: false, wake: () => {} };
  const run = async () => {
    try {
      for await (const item of start(left.signal)) {
        given.push(item);
        state.wake();
      }
    } finally {
      state.isEnded = true;
      state.wake();
    }
  };
  const running = run();
  running.catch(() => undefined); // thrown below, once all that was given has been taken
  try {
    for (;;) {
      for (let item = given.shift(); item !== undefined; item = given.shift()) yield item;
      if (state.isEnded) break;
      await new Promise<void>((resolve) => {
        state.wake = resolve;
      });
    }
    await running;
  } finally {
    left.abort(new DOMException('nobody listens to this any more', 'AbortError'));
    await running.catch(() => undefined); // where somebody has left, nobody is to be told
  }
}
