import { readSafetensors } from '../../../model/safetensors.ts';
import { readTensor } from '../../../model/tensor.ts';
import { chooseLevel, loadCpuAddon } from '../cpu-addon.ts';
import type { NetworkDescription, Tensor } from './description.ts';

/** A network that runs on the thread that calls it, one run at a time. */
export interface Network extends Disposable {
  /**
   * @param inputs by the description's names
   * @returns the description's outputs
   * @throws Error where a shape does not fit
   */
  run(inputs: Readonly<Record<string, Tensor>>): Readonly<Record<string, Tensor>>;
}

/**
 * Loads a network's weights and checks that they and the description fit together, whatever the file holds.
 *
 * @param weights absolute path of a safetensors file with the weights that the description names, and no others
 * @throws ModelError 'CPU_ADDON_MISSING', 'CPU_ADDON_BROKEN' or 'CPU_LEVEL_UNSUPPORTED', or as readSafetensors does
 * @throws Error where a weight is missing, has another shape or values that are no numbers
 */
export async function openNetwork(description: NetworkDescription, weights: string): Promise<Network> {
  const addon = loadCpuAddon();
  const level = chooseLevel(addon);
  const tensors: [string, Tensor][] = [];
  for (const [name, entry] of await readSafetensors(weights))
    tensors.push([name, { shape: entry.shape, values: await readTensor(entry) }]);
  const network = addon.loadNetwork(description, Object.fromEntries(tensors), level);
  return {
    run: (inputs) => addon.runNetwork(network, inputs),
    [Symbol.dispose]: () => addon.freeNetwork(network),
  };
}
