import type { Draw } from './draw.ts';

/** A kind of input, and who reads it. */
export interface Target {
  readonly name: string;
  /** Readers of a kind that decodes sound take some hundred times longer. */
  readonly cost: 'cheap' | 'decoder';
  /** An input of less than 1 MB, right in what is checked first. */
  make(draw: Draw): Uint8Array;
  /**
   * Reads all that there is in it. What it throws is right if it is an error that tells people what is wrong.
   *
   * @param folder a folder for the files of this input
   */
  read(bytes: Uint8Array, folder: string): Promise<void>;
}
