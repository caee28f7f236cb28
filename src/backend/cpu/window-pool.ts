/** Memory for windows that are decoded together. */
export interface PooledMemory<Memory> {
  /** How many windows it has room for. */
  readonly capacity: number;
  readonly memory: Memory;
}

/** Memory of released windows: a recording reuses the same few blocks from start to end. */
export class WindowPool<Memory> {
  readonly #allocate: (capacity: number) => Memory;
  readonly #release: (memory: Memory) => void;
  readonly #free: PooledMemory<Memory>[] = [];

  /** @param release for memory that the collector does not see the size of */
  constructor(allocate: (capacity: number) => Memory, release: (memory: Memory) => void = () => undefined) {
    this.#allocate = allocate;
    this.#release = release;
  }

  /** Memory for as many windows: what is free and large enough, or new memory in the place of what is too small. */
  take(count: number): PooledMemory<Memory> {
    const index = this.#free.findIndex(({ capacity }) => capacity >= count);
    if (index >= 0) return this.#free.splice(index, 1)[0] as PooledMemory<Memory>;
    for (const { memory } of this.#free.splice(0)) this.#release(memory);
    return { capacity: count, memory: this.#allocate(count) };
  }

  release(pooled: PooledMemory<Memory>): void {
    this.#free.push(pooled);
  }
}
