import type { BufferSlice, Command, NativeBinding, NativeModel, Rebind } from './addon.ts';
import { tensorName } from './om-tensors.ts';

/** Device memory by the names of tensors. */
export type Tensors = Readonly<Record<string, BufferSlice>>;

interface Place {
  readonly side: Rebind['side'];
  readonly index: number;
  /** Where the tensor lies now; undefined when nobody knows. */
  slice: BufferSlice | undefined;
}

/** A model bound to memory, that knows where its tensors lie and is told only of those that are to lie elsewhere. */
export class BoundModel {
  readonly #binding: NativeBinding;
  readonly #places: ReadonlyMap<string, Place>;

  private constructor(binding: NativeBinding, places: ReadonlyMap<string, Place>) {
    this.#binding = binding;
    this.#places = places;
  }

  /** @param tensors a place for every tensor of the model */
  static async bind(model: NativeModel, tensors: Tensors): Promise<BoundModel> {
    const places = new Map<string, Place>();
    for (const side of ['input', 'output'] as const) {
      for (const [index, { name }] of model[`${side}s`].entries()) {
        const slice = tensors[tensorName(name)];
        if (slice === undefined) throw new Error(`no memory for tensor ${name}`);
        places.set(tensorName(name), { side, index, slice });
      }
    }
    const slices = (wanted: Rebind['side']) =>
      [...places.values()].flatMap(({ side, slice }) => (side === wanted && slice !== undefined ? [slice] : []));
    return new BoundModel(await model.createBinding(slices('input'), slices('output')), places);
  }

  /** Executes the model with these tensors lying there, and the others where they lay before. */
  execute(tensors: Tensors): Command {
    const rebind: Rebind[] = [];
    for (const [name, slice] of Object.entries(tensors)) {
      const place = this.#places.get(name);
      if (place === undefined) throw new Error(`the model has no tensor ${name}`);
      if (place.slice !== undefined && isSame(place.slice, slice)) continue;
      place.slice = slice;
      rebind.push({ side: place.side, index: place.index, slice });
    }
    return { kind: 'execute', binding: this.#binding, rebind };
  }

  /** After a failure nobody knows which tensors have moved. */
  forget(): void {
    for (const place of this.#places.values()) place.slice = undefined;
  }
}

function isSame(a: BufferSlice, b: BufferSlice): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && a.sizeBytes === b.sizeBytes;
}
