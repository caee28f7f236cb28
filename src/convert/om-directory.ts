import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ModelError, NpuError } from '../errors.ts';
import { readOmHeader } from './om-file.ts';
import { listedFiles } from './prepared-folder.ts';

/** The chip family of a soc name: Ascend910B4 and Ascend910B3 are of one, Ascend310P3 is of another. */
function family(soc: string): string {
  return /^Ascend\d+[A-Z]*/.exec(soc)?.[0] ?? soc;
}

/** Any Whisper's decoder has more weights than this: the vocabulary of the smallest takes 40 MB. */
const leastDecoderBytes = 1e6;

/**
 * Checks that the OM files of a folder are whole and made for this chip. Their shapes are checked when they are loaded.
 *
 * @param onWarning told of files made for another chip of the same family: they run, but not at their best
 * @throws ModelError 'OM_INVALID', NpuError 'NPU_MODEL_MISSING', 'NPU_WRONG_SOC' or 'NPU_STAND_IN_MODEL'
 */
export async function checkOmDirectory(
  directory: string,
  { soc, isStandIn }: { readonly soc: string; readonly isStandIn: boolean },
  onWarning: (message: string) => void,
): Promise<void> {
  const files = (await filesIn(directory)).filter((file) => file.endsWith('.om'));
  const weights = await checkWeights(join(directory, 'weight'));
  const hasWeights = weights.length > 0;
  if (hasWeights) await checkComplete(directory, weights);
  for (const file of files) {
    const path = join(directory, file);
    const { attributes, weightBytes } = await readOmHeader(path);
    if (file === 'decoder-1.om' && !hasWeights && weightBytes < leastDecoderBytes) {
      throw new NpuError('NPU_MODEL_MISSING', `the weights of ${path} are missing: ${join(directory, 'weight')}`, {
        hint: 'Copy the whole folder that atc wrote, with its folder weight/.',
      });
    }
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

async function filesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read as a folder: ${cause.message}`;
    throw new NpuError('NPU_MODEL_MISSING', `${directory} ${reason}`, {
      hint: 'Name the folder that convert.sh of `whisper-npu convert --graphs-only` was run in.',
      cause,
    });
  });
}

/** Where convert.sh notes what lies in weight/, a name a line. */
export const weightList = 'weight.txt';

/** Of one file that is missing ACL says only that a model does not load. */
async function checkComplete(directory: string, there: readonly string[]): Promise<void> {
  const noted = [
    ...(await listedFiles(directory)).filter((file) => file.startsWith('weight/')),
    ...(await readList(directory)),
  ];
  const missing = new Set(noted.map((file) => basename(file)).filter((name) => !there.includes(name)));
  const [first] = missing;
  if (first === undefined) return;
  const more = missing.size === 1 ? '' : `, and ${missing.size - 1} more of ${noted.length} files there`;
  throw new NpuError('NPU_MODEL_MISSING', `${join(directory, 'weight', first)} is missing${more}`, {
    hint: 'Copy the whole folder again, with all that is in weight/, or convert the model again.',
  });
}

async function readList(directory: string): Promise<string[]> {
  const text = await readFile(join(directory, weightList), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').filter((line) => line !== '');
}

/** Weights that atc left outside the OM files; not every conversion does. @returns their names */
async function checkWeights(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  for (const file of files) {
    const path = join(directory, file);
    const info = await stat(path).catch(() => undefined); // a link that leads nowhere
    const isFile = info?.isFile() ?? false;
    if (isFile && info?.size !== 0) continue;
    throw new ModelError('OM_INVALID', `${path} is ${isFile ? 'empty' : 'no file'}`, {
      hint: 'Convert the model again, or copy the file again.',
    });
  }
  return files;
}
