import type { ModelDimensions } from '../../model/dimensions.ts';
import { greedySlotSize } from '../../model/greedy-state.ts';
import type { BufferSlice, NativeDevice } from './addon.ts';
import { BoundModel, type Tensors } from './bound-model.ts';
import { allocatePieces, part } from './device-memory.ts';
import type { GreedyModel } from './greedy-models.ts';

/** Where the texts of one run are decoded greedily: a ring of states on the device, and what steps are queued with. */
export class GreedyMemory {
  /** Which rows of the logs are visible. */
  readonly visible: BufferSlice;
  /** Where a state goes that nobody wants. */
  readonly scratch: BufferSlice;
  /** The graph, bound as often as steps can be queued between two looks at the tokens. */
  readonly steps: readonly BoundModel[];
  readonly #states: BufferSlice;
  /** Bytes of the states of all windows. */
  readonly #stateBytes: number;

  private constructor(states: BufferSlice, parts: Pick<GreedyMemory, 'visible' | 'scratch' | 'steps'>) {
    this.#states = states;
    this.#stateBytes = parts.scratch.sizeBytes;
    this.visible = parts.visible;
    this.scratch = parts.scratch;
    this.steps = parts.steps;
  }

  /** @param tensors a place for whatever changes from step to step */
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
