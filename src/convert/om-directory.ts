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
 * @throws ModelError 'OM_INVALID', NpuError 'NPU_WRONG_SOC' or 'NPU_STAND_IN_MODEL'
 */
export async function checkOmDirectory(
  directory: string,
  { soc, isStandIn }: { readonly soc: string; readonly isStandIn: boolean },
  onWarning: (message: string) => void,
): Promise<void> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.om'));
  for (const file of files) {
    const path = join(directory, file);
    const { attributes } = await readOmHeader(path);
    if (attributes.get('atc_version')?.includes('stand-in') && !isStandIn) {
      throw new NpuError('NPU_STAND_IN_MODEL', `${path} was made by the stand-in for atc and runs on no device`, {
        hint: 'Remove the model with `whisper-npu models remove`, then convert it again.',
      });
    }
    const made = attributes.get('soc_version');
    if (made === undefined || made === soc) continue;
    if (family(made) !== family(soc)) {
      throw new NpuError('NPU_WRONG_SOC', `${path} was made for ${made}, and this is ${soc}`, {
        hint: `Convert the model with --soc ${soc}.`,
      });
    }
    onWarning(`${path} was made for ${made}; converted for ${soc} it would run faster`);
  }
}
