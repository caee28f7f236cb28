/** How a device has been used since it was opened. */
export interface DeviceUse {
  /** Seconds in which it had a window at least. */
  readonly busySeconds: number;
  /** How many windows were the first that it had at that time, how many the second, and so on. */
  readonly windowsBegun: readonly number[];
}

/** Keeps count of what a device has. */
export interface UseMeter {
  /** @param windows that it has from now on */
  change(windows: number): void;
  read(): DeviceUse;
}

/** @param now a clock, in milliseconds */
export function openUseMeter(now: () => number = () => performance.now()): UseMeter {
  const windowsBegun: number[] = [];
  let windows = 0;
  let busyMs = 0;
  let since = now();
  const pass = () => {
    const at = now();
    if (windows > 0) busyMs += at - since;
    since = at;
  };
  return {
    change(count) {
      pass();
      for (let nth = windows; nth < count; nth++) windowsBegun[nth] = (windowsBegun[nth] ?? 0) + 1;
      windows = count;
    },
    read() {
      pass();
      return { busySeconds: busyMs / 1000, windowsBegun: [...windowsBegun] };
    },
  };
}
