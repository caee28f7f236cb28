import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GraphProfile, readProfiles } from '../backend/cpu/profile.ts';
import { type MeasurePlan, measureRuns } from '../bench/measure.ts';
import { type OpenModelOptions, openModel } from '../open-model.ts';

/** The runs to profile; their audio is mono at 16 kHz. */
export interface ProfilePlan extends Pick<MeasurePlan, 'request' | 'runs' | 'signal'> {
  readonly audio: { readonly samples: Float32Array };
}

/** Opens a model on the CPU once more, with ONNX Runtime's clocks on, which slow it a little, and runs it. */
export async function profileModel(
  options: OpenModelOptions,
  { audio, request, runs, signal }: ProfilePlan,
): Promise<GraphProfile[]> {
  const directory = await mkdtemp(join(tmpdir(), 'whisper-npu-profile-'));
  try {
    {
      await using model = await openModel({ ...options, device: { kind: 'cpu' }, profileDirectory: directory });
      await measureRuns({ model, samples: audio.samples, request, runs, warmupRuns: 0, signal });
    }
    signal.throwIfAborted();
    return await readProfiles(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
