/** What one of several that are at work has to say. */
export interface Speaker {
  /** Says it at once where all before have ended, else once they have. */
  say(what: () => Promise<void>): Promise<void>;
  /** @param isWhole whether what waits is to be said; what is half done is not */
  end(isWhole: boolean): Promise<void>;
}

/**
 * Several speak at the same time and are heard one after the other, in the order in which they were begun.
 *
 * @param stopping aborted when all are to end: whoever is not done by then says nothing more
 */
export function inOrder(stopping: AbortSignal): () => Speaker {
  interface Waiting {
    readonly held: (() => Promise<void>)[];
    isEnded: boolean;
  }
  const line: Waiting[] = [];
  let said: Promise<unknown> = Promise.resolve();

  const sayNow = (what: () => Promise<void>): Promise<void> => {
    const saying = said.then(what);
    said = saying.catch(() => undefined); // thrown to whoever says it
    return saying;
  };
  const sayHeld = ({ held }: Waiting) => held.splice(0).map(sayNow);
  return () => {
    const own: Waiting = { held: [], isEnded: false };
    line.push(own);
    return {
      async say(what) {
        if (line[0] === own && !stopping.aborted) await sayNow(what);
        else own.held.push(what);
      },
      async end(isWhole) {
        own.isEnded = true;
        if (!isWhole) own.held.length = 0;
        const saying: Promise<void>[] = [];
        while (line[0]?.isEnded === true) {
          saying.push(...sayHeld(line[0]));
          line.shift();
        }
        if (line[0] !== undefined && !stopping.aborted) saying.push(...sayHeld(line[0]));
        await Promise.all(saying);
      },
    };
  };
}
