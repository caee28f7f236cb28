import type { ModelDimensions } from '../../model/dimensions.ts';
import { greedySlotSize } from '../../model/greedy-state.ts';
import type { BufferSlice, NativeDevice } from './addon.ts';
import { BoundModel, type Tensors } from './bound-model.ts';
import { allocatePieces, part } from './device-memory.ts';
import type { GreedyModel } from './greedy-models.ts';

/** The device memory of greedy decoding: the states of all steps, and the graph bound once for each step that can be queued. */
export class GreedyMemory {
  /** The attention mask over the entries of the KV cache. */
  readonly visible: BufferSlice;
  /** Where states are written that are not wanted. */
  readonly scratch: BufferSlice;
  /** The graph, bound once for each step that can be queued before tokens are downloaded. */
  readonly steps: readonly BoundModel[];
  readonly #states: BufferSlice;
  /** Bytes of the states of all windows. */
  readonly #stateBytes: number;

  private constructor(states: BufferSlice, resources: Pick<GreedyMemory, 'visible' | 'scratch' | 'steps'>) {
    this.#states = states;
    this.#stateBytes = resources.scratch.sizeBytes;
    this.visible = resources.visible;
    this.scratch = resources.scratch;
    this.steps = resources.steps;
  }

  /** @param tensors a context for whatever changes from step to step */
  static async open(
    device: NativeDevice,
    { model, shape, itemSizeBytes, memory }: GreedyModel,
    tensors: Tensors,
    { nTextCtx }: ModelDimensions,
    queuedSteps: number,
  ): Promise<GreedyMemory> {
    const { windows, capacity } = shape;
    const stateBytes = 4 * windows * greedySlotSize;
    const { buffer, slices } = await allocatePieces(device, {
      // Every token of a full context, and the one behind it.
      states: (nTextCtx + 1) * stateBytes,
      scratch: stateBytes,
      visible: windows * capacity * itemSizeBytes,
    });
    const { states, scratch, visible } = slices;
    const all = { ...tensors, logits: memory.logits, visible, state: part(states, 0, stateBytes), next_state: scratch };
    const steps: BoundModel[] = [];
    try {
      while (steps.length < queuedSteps) steps.push(await BoundModel.bind(model, all));
    } catch (error) {
      await buffer.close();
      throw error;
    }
    return new GreedyMemory(states, { visible, scratch, steps });
  }

  /** States of all windows, one step behind the other. */
  states(from: number, count: number): BufferSlice {
    return part(this.#states, from * this.#stateBytes, count * this.#stateBytes);
  }
}
