import { waitingLine } from './waiting-line.ts';

/** Something with room for a number of windows, or of recordings. */
export interface Room<Where> {
  readonly where: Where;
  readonly places: number;
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
  /** Whoever waits, and whoever comes, is refused. */
  close(reason: Error): void;
}

/**
 * Hands out places. Whoever asks again comes behind all that wait already; so recordings that ask for one window after the other
 * take turns.
 */
export function placesIn<Where>(rooms: readonly Room<Where>[]): Places<Where> {
  const free = new Map(rooms.map((room) => [room, room.places]));
  const line = waitingLine<(refused?: Error) => void>();
  let closed: Error | undefined;

  const roomiest = () => [...free].reduce((best, room) => (room[1] > best[1] ? room : best));
  const takeOne = (): Place<Where> => {
    const [room] = roomiest();
    const change = (by: number) => free.set(room, (free.get(room) ?? 0) + by);
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
    for (let next = line.first(); next !== undefined && roomiest()[1] > 0; next = line.first()) next();
  };
  return {
    async take({ count, priority, signal }) {
      signal?.throwIfAborted();
      if (closed !== undefined) throw closed;
      const taken = new Promise<Place<Where>[]>((resolve, reject) => {
        const refuse = () => step(signal?.reason as Error);
        const step = (refused?: Error) => {
          leaveLine();
          signal?.removeEventListener('abort', refuse);
          if (refused === undefined) resolve(Array.from({ length: count }, takeOne));
          else reject(refused);
        };
        const leaveLine = line.add(step, priority);
        signal?.addEventListener('abort', refuse);
      });
      serve();
      return taken;
    },
    get waiting() {
      return line.length;
    },
    taken: (where) =>
      rooms.filter((room) => room.where === where).reduce((sum, room) => sum + room.places - (free.get(room) ?? 0), 0),
    close(reason) {
      closed = reason;
      for (let next = line.first(); next !== undefined; next = line.first()) next(reason);
    },
  };
}
