import type { BufferSlice, Command, NativeBinding, NativeModel, Rebind } from './addon.ts';
import { tensorName } from './om-tensors.ts';

/** Device memory by the names of tensors. */
export type Tensors = Readonly<Record<string, BufferSlice>>;

interface TensorBinding {
  readonly side: Rebind['side'];
  readonly index: number;
  /** The memory that the tensor is bound to; undefined when a failure has left that unknown. */
  slice: BufferSlice | undefined;
}

/** A model whose tensors are bound to memory. It remembers the bindings, so that only changed ones are sent to the device. */
export class BoundModel {
  readonly #binding: NativeBinding;
  readonly #bindings: ReadonlyMap<string, TensorBinding>;

  private constructor(binding: NativeBinding, bindings: ReadonlyMap<string, TensorBinding>) {
    this.#binding = binding;
    this.#bindings = bindings;
  }

  /** @param tensors memory for every tensor of the model */
  static async bind(model: NativeModel, tensors: Tensors): Promise<BoundModel> {
    const bindings = new Map<string, TensorBinding>();
    for (const side of ['input', 'output'] as const) {
      for (const [index, { name }] of model[`${side}s`].entries()) {
        const slice = tensors[tensorName(name)];
        if (slice === undefined) throw new Error(`no memory for tensor ${name}`);
        bindings.set(tensorName(name), { side, index, slice });
      }
    }
    const slices = (wanted: Rebind['side']) =>
      [...bindings.values()].flatMap(({ side, slice }) => (side === wanted && slice !== undefined ? [slice] : []));
    return new BoundModel(await model.createBinding(slices('input'), slices('output')), bindings);
  }

  /** Executes the model with these tensors bound to other memory, and all others as before. */
  execute(tensors: Tensors): Command {
    const rebind: Rebind[] = [];
    for (const [name, slice] of Object.entries(tensors)) {
      const binding = this.#bindings.get(name);
      if (binding === undefined) throw new Error(`the model has no tensor ${name}`);
      if (binding.slice !== undefined && isSame(binding.slice, slice)) continue;
      binding.slice = slice;
      rebind.push({ side: binding.side, index: binding.index, slice });
    }
    return { kind: 'execute', binding: this.#binding, rebind };
  }

  /** Called after a failure, which leaves it unknown which tensors have been rebound. */
  forget(): void {
    for (const binding of this.#bindings.values()) binding.slice = undefined;
  }
}

function isSame(a: BufferSlice, b: BufferSlice): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && a.sizeBytes === b.sizeBytes;
}
