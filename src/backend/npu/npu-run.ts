import type { ModelDimensions } from '../../model/dimensions.ts';
import type { GreedyRequest, GreedyResult } from '../backend.ts';
import type { BufferSlice, Command, NativeDevice } from './addon.ts';
import { part } from './device-memory.ts';
import type { Masks } from './masks.ts';
import { type BoundDecoder, type Seat, slotBytes } from './seat.ts';

/** What all texts of a backend share. */
export interface RunParts {
  readonly device: NativeDevice;
  readonly dimensions: ModelDimensions;
  readonly masks: Masks;
  /** A constant table: slot i holds the number i. */
  readonly positions: BufferSlice;
  /** Whether a decoder writes its rows straight into the cache; if not, they are copied there. */
  readonly inPlaceRows: boolean;
}

/** Where one execution of a decoder reads and writes. */
interface Step {
  readonly width: number;
  readonly position: number;
  readonly mask: BufferSlice;
  /** Whether the token it chooses is wanted. */
  readonly chooses: boolean;
}

/**
 * One text over one window. Tokens never visit the host on their way from one step to the next: a step reads slot i of
 * a ring on the device and writes slot i + 1, and the host queues several before it looks at what came out.
 */
export class NpuRun {
  readonly #parts: RunParts;
  readonly #seat: Seat;
  #length = 0;

  constructor(parts: RunParts, seat: Seat) {
    this.#parts = parts;
    this.#seat = seat;
  }

  /** Appends tokens. @returns logits f32 [nVocab] of the last one */
  async forward(tokens: readonly number[]): Promise<Float32Array> {
    const { nVocab } = this.#parts.dimensions;
    const queue = new Queue(this.#parts, this.#seat);
    await this.#append(queue, tokens, this.#parts.masks.anyPlace, false);
    queue.commands.push({ kind: 'download', from: this.#seat.memory.logits });
    const [bytes] = await queue.submit();
    if (bytes === undefined) throw new Error('a download has a result');
    return new Float32Array(bytes.buffer, bytes.byteOffset, nVocab);
  }

  /** @param throwIfAborted asked before every batch of steps */
  async greedy(request: GreedyRequest, throwIfAborted: () => void): Promise<GreedyResult> {
    const { stopToken, maxTokens } = request;
    const { nTextCtx } = this.#parts.dimensions;
    const queue = new Queue(this.#parts, this.#seat);
    const begin = this.#parts.masks.place(request.beginSuppress, queue.commands);
    const rest = this.#parts.masks.place(request.suppress, queue.commands);
    await this.#append(queue, request.prompt, begin, true);
    const first = this.#length;
    const tokens: number[] = [];
    // The prompt has queued the first token.
    let queued = 1;
    while (true) {
      throwIfAborted();
      while (queued < maxTokens && first + queued - 1 < nTextCtx && queue.hasRoom(1)) {
        await queue.push({ width: 1, position: first + queued - 1, mask: rest, chooses: true });
        queued++;
      }
      if (queued === tokens.length) throw tooLong(first + queued, nTextCtx);
      for (const token of await this.#collect(queue, first + tokens.length, queued - tokens.length)) {
        tokens.push(token);
        if (token !== stopToken && tokens.length < maxTokens) continue;
        this.#length = first + tokens.length - 1;
        return { tokens, logprobs: await this.#logprobs(first, tokens.length) };
      }
    }
  }

  /** Queues tokens in as few executions as the widths allow. */
  async #append(queue: Queue, tokens: readonly number[], mask: BufferSlice, chooses: boolean): Promise<void> {
    const { nTextCtx, nVocab } = this.#parts.dimensions;
    if (tokens.length === 0) throw new RangeError('there is no token to append');
    if (this.#length + tokens.length > nTextCtx) throw tooLong(this.#length + tokens.length, nTextCtx);
    // A device does not say no to an address beyond the embedding.
    const stranger = tokens.find((token) => !(token >= 0 && token < nVocab));
    if (stranger !== undefined) throw new RangeError(`the model's ${nVocab} tokens do not include ${stranger}`);
    const widths = [...this.#seat.decoders.keys()].sort((a, b) => b - a);
    for (let done = 0; done < tokens.length; ) {
      const width = widths.find((candidate) => candidate <= tokens.length - done) ?? 1;
      const position = this.#length + done;
      const data = Int32Array.from(tokens.slice(done, done + width));
      const to = part(this.#seat.memory.tokens, position * slotBytes, data.byteLength);
      done += width;
      await queue.push(
        { width, position, mask, chooses: chooses && done === tokens.length },
        { kind: 'upload', to, data },
      );
    }
    this.#length += tokens.length;
  }

  async #collect(queue: Queue, from: number, count: number): Promise<number[]> {
    const from64 = part(this.#seat.memory.tokens, from * slotBytes, count * slotBytes);
    queue.commands.push({ kind: 'download', from: from64 });
    const [bytes] = await queue.submit();
    return readSlots(bytes, count, (view, at) => view.getInt32(at, true));
  }

  async #logprobs(from: number, count: number): Promise<number[]> {
    const slots = part(this.#seat.memory.logprobs, from * slotBytes, count * slotBytes);
    const [bytes] = await this.#parts.device.submit([{ kind: 'download', from: slots }]);
    return readSlots(bytes, count, (view, at) => view.getFloat32(at, true));
  }
}

function tooLong(count: number, nTextCtx: number): RangeError {
  return new RangeError(`${count} tokens exceed the model's ${nTextCtx}`);
}

function readSlots(
  bytes: Uint8Array | undefined,
  count: number,
  read: (view: DataView, at: number) => number,
): number[] {
  if (bytes === undefined) throw new Error('a download has a result');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => read(view, i * slotBytes));
}

/** Commands on their way to the device. A bound decoder can be used once per visit there, so a long prompt takes several. */
class Queue {
  commands: Command[] = [];
  readonly #parts: RunParts;
  readonly #seat: Seat;
  readonly #used = new Map<number, number>();

  constructor(parts: RunParts, seat: Seat) {
    this.#parts = parts;
    this.#seat = seat;
  }

  hasRoom(width: number): boolean {
    return (this.#used.get(width) ?? 0) < (this.#seat.decoders.get(width)?.length ?? 0);
  }

  async push(step: Step, ...before: Command[]): Promise<void> {
    if (!this.hasRoom(step.width)) await this.submit();
    const used = this.#used.get(step.width) ?? 0;
    const decoder = this.#seat.decoders.get(step.width)?.[used];
    if (decoder === undefined) throw new Error(`no decoder takes ${step.width} tokens`);
    this.#used.set(step.width, used + 1);
    this.commands.push(...before, ...this.#execution(decoder, step));
  }

  async submit(): Promise<Uint8Array<ArrayBuffer>[]> {
    const { commands } = this;
    this.commands = [];
    this.#used.clear();
    try {
      return await this.#parts.device.submit(commands);
    } catch (error) {
      this.#parts.masks.forget();
      throw error;
    }
  }

  #execution({ binding, inputs, outputs }: BoundDecoder, { width, position, mask, chooses }: Step): Command[] {
    const { inPlaceRows, positions } = this.#parts;
    const { memory, rowBytes } = this.#seat;
    const row = part(memory.selfKv, position * rowBytes, width * rowBytes);
    const newKv = part(memory.newKv, 0, width * rowBytes);
    const next = (position + width) * slotBytes;
    const unwanted = part(memory.scratch, 0, 4);
    const input = (name: string, slice: BufferSlice) => rebind('input', inputs, name, slice);
    const output = (name: string, slice: BufferSlice) => rebind('output', outputs, name, slice);
    const execute: Command = {
      kind: 'execute',
      binding,
      rebind: [
        input('tokens', part(memory.tokens, position * slotBytes, 4 * width)),
        input('position', part(positions, position * slotBytes, 4)),
        input('suppress', mask),
        output('new_kv', inPlaceRows ? row : newKv),
        output('next_token', chooses ? part(memory.tokens, next, 4) : unwanted),
        output('logprob', chooses ? part(memory.logprobs, next, 4) : unwanted),
      ],
    };
    return inPlaceRows ? [execute] : [execute, { kind: 'copy', from: newKv, to: row }];
  }
}

function rebind(side: 'input' | 'output', indices: ReadonlyMap<string, number>, name: string, slice: BufferSlice) {
  const index = indices.get(name);
  if (index === undefined) throw new Error(`the decoder has no ${side} ${name}`);
  return { side, index, slice };
}
