import type { GraphProfile } from '../../backend/cpu/profile.ts';
import { type MeasurePlan, measureRuns } from '../../bench/measure.ts';
import { type OpenModelOptions, openModel } from '../../setup/open-model.ts';

/** The runs to profile; their audio is mono at 16 kHz. */
export interface ProfilePlan extends Pick<MeasurePlan, 'request' | 'runs' | 'signal'> {
  readonly audio: { readonly samples: Float32Array };
}

/** Opens a model on the CPU once more and runs it, to be told where the time of these runs alone goes. */
export async function profileModel(
  options: OpenModelOptions,
  { audio, request, runs, signal }: ProfilePlan,
): Promise<GraphProfile[]> {
  let profiles: GraphProfile[] = [];
  {
    const onProfile = (measured: GraphProfile[]) => {
      profiles = measured;
    };
    await using model = await openModel({ ...options, device: { kind: 'cpu' }, onProfile });
    await measureRuns({ model, samples: audio.samples, request, runs, warmupRuns: 0, signal });
  }
  signal.throwIfAborted();
  return profiles;
}
