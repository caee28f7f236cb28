import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { NpuError } from '../errors.ts';
import { readOmHeader } from './om-file.ts';

/** The chip family of a soc name: Ascend910B4 and Ascend910B3 are of one, Ascend310P3 is of another. */
function family(soc: string): string {
  return /^Ascend\d+[A-Z]*/.exec(soc)?.[0] ?? soc;
}

/**
 * Checks that the OM files of a folder are whole and made for this chip. Their shapes are checked when they are loaded.
 *
 * @param onWarning told of files made for another chip of the same family: they run, but not at their best
 * @throws ModelError 'OM_INVALID', NpuError 'NPU_WRONG_SOC'
 */
export async function checkOmDirectory(directory: string, soc: string, onWarning: (message: string) => void) {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.om'));
  for (const file of files) {
    const path = join(directory, file);
    const made = (await readOmHeader(path)).attributes.get('soc_version');
    if (made === undefined || made === soc) continue;
    if (family(made) !== family(soc)) {
      throw new NpuError('NPU_WRONG_SOC', `${path} was made for ${made}, and this is ${soc}`, {
        hint: `Convert the model with --soc ${soc}.`,
      });
    }
    onWarning(`${path} was made for ${made}; converted for ${soc} it would run faster`);
  }
}
