import type { Command, NativeDevice } from './addon.ts';

/** Commands on their way to the device, which carries them out in one visit. */
export class CommandQueue implements Disposable {
  readonly #device: NativeDevice;
  readonly #forget: () => void;
  #commands: Command[] = [];

  /** @param forget called where commands may not be carried out: nobody knows then which tensors graphs have been told of */
  constructor(device: NativeDevice, forget: () => void) {
    this.#device = device;
    this.#forget = forget;
  }

  push(...commands: readonly Command[]): void {
    this.#commands.push(...commands);
  }

  /** @returns what the downloads among the commands give, in their order */
  async submit(): Promise<Uint8Array<ArrayBuffer>[]> {
    const commands = this.#commands;
    if (commands.length === 0) return [];
    this.#commands = [];
    try {
      return await this.#device.submit(commands);
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** What has not been submitted by now never will be. */
  [Symbol.dispose](): void {
    if (this.#commands.length > 0) this.#forget();
    this.#commands = [];
  }
}
