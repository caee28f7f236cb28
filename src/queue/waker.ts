/** Somebody who sleeps and can be woken; who is woken before does not fall asleep. */
export interface Waker {
  readonly now: () => void;
  within(ms: number): Promise<void>;
}

export function waker(): Waker {
  let isWoken = false;
  let wakeUp = () => {};
  return {
    now: () => {
      isWoken = true;
      wakeUp();
    },
    async within(ms) {
      if (!isWoken) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      isWoken = false;
    },
  };
}
