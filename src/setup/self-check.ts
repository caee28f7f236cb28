import { fileURLToPath } from 'node:url';
import { openAudio } from '../audio/open-audio.ts';
import type { Backend } from '../backend/backend.ts';
import { openCpuBackend } from '../backend/cpu/cpu-backend.ts';
import { openNpu } from '../backend/npu/acl-environment.ts';
import { type DeviceSettings, safeSettings, usualSettings, writeSettings } from '../backend/npu/device-settings.ts';
import { openNpuBackend } from '../backend/npu/npu-backend.ts';
import { checkOmDirectory } from '../convert/om-directory.ts';
import { prepareCpu } from '../convert/prepare-cpu.ts';
import { findConverted } from '../convert/prepare-npu.ts';
import { generate } from '../decoding/generate.ts';
import { decodingRules } from '../decoding/rules.ts';
import { logMelSpectrogram } from '../features/log-mel.ts';
import { type Checkpoint, openCheckpoint } from '../model/checkpoint.ts';
import { specialTokens } from '../model/special-tokens.ts';
import { listModels } from '../model/store.ts';

export interface SelfCheck {
  /** The model it was done with, and the folder of its OM files. */
  readonly model: string;
  /** Whether the settings that were tried give what the safe ones give; queued steps together with the rows' setting. */
  readonly inPlaceRows: boolean;
  readonly queuedSteps: boolean;
  /** What is kept for devices of this kind. */
  readonly settings: DeviceSettings;
  /** Share of the CPU's tokens that the device gives too, position by position. */
  readonly agreement: number;
}

/**
 * Transcribes the sample on the device in the usual and in the safe ways and on the CPU, compares the tokens, and keeps
 * what works for later runs: never a combination that has not been tried.
 *
 * @param before what devices of the same kind, looked at before this one, have left to try
 * @returns undefined where no model in the store has been converted for this device
 */
export async function selfCheck(
  env: Readonly<Record<string, string | undefined>>,
  store: string,
  index: number,
  before: ReadonlyMap<string, DeviceSettings> = new Map(),
): Promise<(SelfCheck & { readonly soc: string }) | undefined> {
  const npu = await openNpu(env, index);
  await npu.device.close();
  const soc = npu.device.socName;
  const found = await findConvertedModel(store, { soc, isStandIn: npu.isStandIn });
  if (found === undefined) return undefined;
  const { name, directory, checkpoint } = found;
  const logMel = await sampleLogMel(checkpoint.dimensions.nMels);
  const onDevice = async (settings: DeviceSettings) => {
    const opened = await openNpu(env, index);
    const { dimensions } = checkpoint;
    return tokensOf(await openNpuBackend({ ...opened, ...settings, directory, dimensions }), checkpoint, logMel);
  };
  const safe = await onDevice(safeSettings);
  const isSafe = async (settings: DeviceSettings) => equal(await onDevice(settings), safe);
  const wanted = before.get(soc) ?? usualSettings;
  const inPlaceRows = wanted.inPlaceRows && (await isSafe({ ...safeSettings, inPlaceRows: true }));
  const together = { inPlaceRows, queuedSteps: wanted.queuedSteps };
  const queuedSteps = wanted.queuedSteps > 1 && (await isSafe(together));
  const settings = queuedSteps ? together : { ...safeSettings, inPlaceRows };
  await writeSettings(store, npu, settings);
  const prepared = await prepareCpu(checkpoint, { store, model: name });
  const { dimensions } = checkpoint;
  const cpu = await tokensOf(await openCpuBackend({ directory: prepared, dimensions, threads: 2 }), checkpoint, logMel);
  const same = cpu.filter((token, i) => token === safe[i]).length;
  const agreement = same / cpu.length;
  return { soc, model: `${name} (${directory})`, inPlaceRows, queuedSteps, settings, agreement };
}

/** A model whose OM files are of this version and fit the device. */
async function findConvertedModel(store: string, device: { readonly soc: string; readonly isStandIn: boolean }) {
  for (const { name, directory: source } of await listModels(store)) {
    const checkpoint = await openCheckpoint(source);
    for (const dtype of ['f16', 'f32'] as const) {
      const directory = await findConverted(checkpoint, { store, model: name }, { soc: device.soc, dtype }, {});
      if (directory === undefined) continue;
      await checkOmDirectory(directory, device, () => {});
      return { name, directory, checkpoint };
    }
  }
  return undefined;
}

async function sampleLogMel(nMels: number): Promise<Float32Array<ArrayBuffer>> {
  await using audio = await openAudio(fileURLToPath(new URL('../../samples/espeak-en-16k.wav', import.meta.url)));
  const blocks: Float32Array[] = [];
  for await (const block of audio.samples) blocks.push(block);
  return logMelSpectrogram(Float32Array.from(blocks.flatMap((block) => [...block])), nMels);
}

async function tokensOf(backend: Backend, checkpoint: Checkpoint, logMel: Float32Array<ArrayBuffer>) {
  await using opened = backend;
  const rules = decodingRules(specialTokens(checkpoint.dimensions.nVocab), checkpoint.generation);
  await using audio = await opened.encode([logMel.slice()]);
  return (await generate(audio, rules, { language: 'en', task: 'transcribe' })).tokens;
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}
