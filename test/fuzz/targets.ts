import { audioTargets } from './audio-targets.ts';
import { modelTargets } from './model-targets.ts';
import type { Target } from './target.ts';

export const targets: readonly Target[] = [...audioTargets, ...modelTargets];

/** What one input may take, and how much memory may be lost over all of them. */
export const limits = { cpuMs: 2000, inputMemoryBytes: 300 * 2 ** 20, growthBytes: 64 * 2 ** 20 };
