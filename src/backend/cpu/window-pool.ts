/** Memory for windows that are decoded together. */
export interface PooledMemory<Memory> {
  /** How many windows it has room for. */
  readonly capacity: number;
  readonly memory: Memory;
}

/** Memory of released windows: a recording reuses the same few blocks from start to end. */
export class WindowPool<Memory> {
  readonly #allocate: (capacity: number) => Memory;
  #free: PooledMemory<Memory>[] = [];

  constructor(allocate: (capacity: number) => Memory) {
    this.#allocate = allocate;
  }

  /** Memory for as many windows: what is free and large enough, or new memory in the place of what is too small. */
  take(count: number): PooledMemory<Memory> {
    const index = this.#free.findIndex(({ capacity }) => capacity >= count);
    if (index >= 0) return this.#free.splice(index, 1)[0] as PooledMemory<Memory>;
    this.#free = [];
    return { capacity: count, memory: this.#allocate(count) };
  }

  giveBack(pooled: PooledMemory<Memory>): void {
    this.#free.push(pooled);
  }
}
