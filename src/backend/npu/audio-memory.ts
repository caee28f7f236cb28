import { closeAfter } from '../../errors.ts';
import type { ModelDimensions } from '../../model/dimensions.ts';
import type { BufferSlice, Command, NativeDevice } from './addon.ts';
import { BoundModel, type Tensors } from './bound-model.ts';
import { allocatePieces, part } from './device-memory.ts';
import type { LoadedModels } from './model-files.ts';
import { crossNames } from './om-tensors.ts';

interface WindowMemory {
  readonly logMel: BufferSlice;
  readonly encoderOutput: BufferSlice;
  /** The encoder, which writes this window's keys and values. */
  readonly encoder: BoundModel;
}

/**
 * Memory of encoded windows, built once and used for one recording after another. Keys and values of all windows stand
 * one behind the other, as the graphs of several windows read them.
 */
export class AudioMemory {
  readonly #windows: readonly WindowMemory[];
  readonly #cross: Tensors;
  readonly #views = new Map<string, Tensors>();

  private constructor(windows: readonly WindowMemory[], cross: Tensors) {
    this.#windows = windows;
    this.#cross = cross;
  }

  static async open(
    device: NativeDevice,
    { encoder, itemSizeBytes }: LoadedModels,
    dimensions: ModelDimensions,
    windows: number,
  ): Promise<AudioMemory> {
    const { nAudioCtx, nAudioState, nMels, nTextState } = dimensions;
    const names = crossNames(dimensions);
    const crossBytes = nAudioCtx * nTextState * itemSizeBytes;
    const sizes: Record<string, number> = Object.fromEntries(names.map((name) => [name, windows * crossBytes]));
    for (let window = 0; window < windows; window++) {
      sizes[`logMel${window}`] = 4 * nMels * 2 * nAudioCtx;
      sizes[`encoderOutput${window}`] = 4 * nAudioCtx * nAudioState;
    }
    const { buffer, slices } = await allocatePieces(device, sizes);
    try {
      const cross = Object.fromEntries(names.map((name) => [name, sliceOf(slices, name)]));
      // Graphs of several windows compute windows that nobody has encoded too, and those must be finite.
      await device.submit(Object.values(cross).map((to): Command => ({ kind: 'fill', to, value: 0 })));
      const bound: WindowMemory[] = [];
      while (bound.length < windows) {
        const window = bound.length;
        const logMel = sliceOf(slices, `logMel${window}`);
        const encoderOutput = sliceOf(slices, `encoderOutput${window}`);
        const tensors = { ...partOf(cross, window, 1, windows), log_mel: logMel, encoder_output: encoderOutput };
        bound.push({ logMel, encoderOutput, encoder: await BoundModel.bind(encoder, tensors) });
      }
      return new AudioMemory(bound, cross);
    } catch (error) {
      return closeAfter(error, () => buffer.close());
    }
  }

  /** Room for so many windows. */
  get windows(): number {
    return this.#windows.length;
  }

  /** Keys and values of windows that stand one behind the other, by the decoders' names for them. */
  crossKv(firstWindow: number, windows: number): Tensors {
    const key = `${firstWindow}+${windows}`;
    const view = this.#views.get(key) ?? partOf(this.#cross, firstWindow, windows, this.windows);
    this.#views.set(key, view);
    return view;
  }

  /** f32 [nAudioCtx, nAudioState] */
  encoderOutput(window: number): BufferSlice | undefined {
    return this.#windows[window]?.encoderOutput;
  }

  /** In the windows' order: what reaches beyond a window's end is written by the next one. */
  encoding(logMels: readonly Float32Array[]): Command[] {
    return logMels.flatMap((data, i): Command[] => {
      const window = this.#windows[i];
      if (window === undefined) throw new Error(`there is no room for window ${i}`);
      return [{ kind: 'upload', to: window.logMel, data }, window.encoder.execute({})];
    });
  }
}

function sliceOf(slices: Tensors, name: string): BufferSlice {
  const slice = slices[name];
  if (slice === undefined) throw new Error(`no memory for ${name}`);
  return slice;
}

/** A share of tensors that hold `all` windows each. */
function partOf(tensors: Tensors, first: number, windows: number, all: number): Tensors {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, slice]) => {
      const size = slice.sizeBytes / all;
      return [name, part(slice, first * size, windows * size)];
    }),
  );
}
