/** Who waits for something, those of a higher priority first, else in the order in which they came. */
export interface WaitingLine<Item> {
  readonly length: number;
  /** The first, who goes on waiting. */
  first(): Item | undefined;
  /** @returns what takes it out again, wherever it stands by then */
  add(item: Item, priority: number): () => void;
}

export function waitingLine<Item>(): WaitingLine<Item> {
  const waiting: { readonly item: Item; readonly priority: number }[] = [];
  return {
    get length() {
      return waiting.length;
    },
    first: () => waiting[0]?.item,
    add(item, priority) {
      const entry = { item, priority };
      const behind = waiting.findIndex((other) => other.priority < priority);
      waiting.splice(behind < 0 ? waiting.length : behind, 0, entry);
      return () => {
        const index = waiting.indexOf(entry);
        if (index >= 0) waiting.splice(index, 1);
      };
    },
  };
}
