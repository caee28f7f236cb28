import { waitingLine } from './waiting-line.ts';

/** Something with room for a number of windows, or of recordings. */
export interface Room<Where> {
  readonly where: Where;
  readonly places: number;
  /** Whether places are handed out there now; always, where it is not said. */
  readonly isOpen?: () => boolean;
  /** Told how many of its places are taken whenever that changes. */
  readonly onTaken?: (count: number) => void;
}

/** A place that somebody has. */
export interface Place<Where> {
  readonly where: Where;
  /** Makes room for the next one; a second time it does nothing. */
  leave(): void;
}

/** Who asks for places. */
export interface Asking {
  /** How many, all at once. */
  readonly count: number;
  /** Higher ones come first. */
  readonly priority: number;
  /** Takes places where there are none free, and waits only while nowhere is any: what has been begun is not kept waiting. */
  readonly isBegun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Places<Where> {
  /**
   * Waits until there is a free place, and takes places where there are most. Who asks for several gets all of them then: more
   * than there are, so that nobody who has some waits for others, and whoever comes next waits the longer.
   */
  take(asking: Asking): Promise<readonly Place<Where>[]>;
  readonly waiting: number;
  /** Places that are taken there. */
  taken(where: Where): number;
  /** Looks again who can be given a place: a room has been opened. */
  serve(): void;
  /** Whoever waits is refused, if no room is open. */
  refuseWhereNone(reason: unknown): void;
  /** Whoever waits, and whoever comes, is refused. */
  close(reason: Error): void;
}

/**
 * Hands out places. Whoever asks again comes behind all that wait already; so recordings that ask for one window after the other
 * take turns.
 */
export function placesIn<Where>(rooms: readonly Room<Where>[]): Places<Where> {
  const free = new Map(rooms.map((room) => [room, room.places]));
  const line = waitingLine<(refusal?: { readonly reason: unknown }) => void>();
  let closed: Error | undefined;

  const open = () => [...free].filter(([{ isOpen }]) => isOpen?.() ?? true);
  const mostFree = () => Math.max(0, ...open().map(([, count]) => count));
  const takeOne = (): Place<Where> => {
    const [room] = open().reduce((best, other) => (other[1] > best[1] ? other : best));
    const change = (by: number) => {
      const left = (free.get(room) ?? 0) + by;
      free.set(room, left);
      room.onTaken?.(room.places - left);
    };
    let isTaken = true;
    change(-1);
    return {
      where: room.where,
      leave() {
        if (!isTaken) return;
        isTaken = false;
        change(1);
        serve();
      },
    };
  };
  const serve = () => {
    for (let next = line.first(); next !== undefined && mostFree() > 0; next = line.first()) next();
  };
  const refuse = (reason: unknown) => {
    for (let next = line.first(); next !== undefined; next = line.first()) next({ reason });
  };
  return {
    async take({ count, priority, isBegun = false, signal }) {
      signal?.throwIfAborted();
      if (closed !== undefined) throw closed;
      if (isBegun && open().length > 0) return Array.from({ length: count }, takeOne);
      const taken = new Promise<Place<Where>[]>((resolve, reject) => {
        const giveUp = () => step({ reason: signal?.reason });
        const step = (refusal?: { readonly reason: unknown }) => {
          leaveLine();
          signal?.removeEventListener('abort', giveUp);
          if (refusal === undefined) resolve(Array.from({ length: count }, takeOne));
          else reject(refusal.reason);
        };
        const leaveLine = line.add(step, isBegun ? Number.POSITIVE_INFINITY : priority);
        signal?.addEventListener('abort', giveUp);
      });
      serve();
      return taken;
    },
    get waiting() {
      return line.length;
    },
    taken: (where) =>
      rooms.filter((room) => room.where === where).reduce((sum, room) => sum + room.places - (free.get(room) ?? 0), 0),
    serve,
    refuseWhereNone(reason) {
      if (open().length === 0) refuse(reason);
    },
    close(reason) {
      closed = reason;
      refuse(reason);
    },
  };
}
