import type { Command, NativeDevice } from './addon.ts';

/** Collects commands for the device, which are submitted together. */
export class CommandQueue implements Disposable {
  readonly #device: NativeDevice;
  readonly #forget: () => void;
  #commands: Command[] = [];

  /** @param forget called when commands may not have been executed, which leaves it unknown which tensors were rebound */
  constructor(device: NativeDevice, forget: () => void) {
    this.#device = device;
    this.#forget = forget;
  }

  push(...commands: readonly Command[]): void {
    this.#commands.push(...commands);
  }

  /** @returns the results of the downloads among the commands, in order */
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

  /** Drops commands that have not been submitted. */
  [Symbol.dispose](): void {
    if (this.#commands.length > 0) this.#forget();
    this.#commands = [];
  }
}
