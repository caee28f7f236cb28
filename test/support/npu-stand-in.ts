import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openNpu } from '../../src/backend/npu/acl-environment.ts';
import { type NpuBackendOptions, openNpuBackend } from '../../src/backend/npu/npu-backend.ts';
import type { NpuVariants } from '../../src/convert/npu-graphs.ts';
import { convertForNpu } from '../../src/convert/prepare-npu.ts';
import type { NpuDtype } from '../../src/graph/npu-layers.ts';
import { openCheckpoint } from '../../src/model/checkpoint.ts';
import type { ModelDimensions } from '../../src/model/dimensions.ts';
import { buildStandIn, standIn } from '../stand-in/built.ts';

/** Whether the stand-in for CANN can be had on this machine. */
export const hasStandIn = buildStandIn();

/** What selects the stand-in, as a user would set it. */
export const standInEnvironment = { WHISPER_NPU_ACL_LIBRARY: standIn.library, WHISPER_NPU_ATC: standIn.atc };

/** The chip the stand-in plays. */
const soc = 'Ascend910B4';

/** Converts a checkpoint with the stand-in's atc. @returns the folder of OM files */
export async function convertWithStandIn(
  checkpoint: string,
  store: string,
  dtype: NpuDtype,
  variants: NpuVariants = {},
): Promise<string> {
  return convertForNpu(
    await openCheckpoint(checkpoint),
    { soc, dtype },
    { atc: standIn.atc, place: { store, model: 'converted' }, logPath: join(store, 'atc.log'), variants },
  );
}

/** Opens a backend on the stand-in. */
export async function openOnStandIn(
  directory: string,
  dimensions: ModelDimensions,
  options: Pick<NpuBackendOptions, 'queuedSteps' | 'inPlaceRows'> = {},
) {
  const { device, description } = await openNpu(standInEnvironment, 0);
  return openNpuBackend({ device, description, directory, dimensions, ...options });
}

/** One line of the stand-in's trace, usually a call of ACL. */
export interface TracedCall {
  readonly function: string;
  readonly bytes: number;
  readonly direction: 'H2D' | 'D2H' | 'D2D' | null;
  readonly code: number;
  /** A leak or a broken rule instead of a call. */
  readonly event?: string;
}

/** Makes the stand-in trace into a file from the next start of ACL on. @returns what reads it */
export function startTrace(): () => TracedCall[] {
  const path = join(mkdtempSync(join(tmpdir(), 'whisper-npu-trace-')), 'trace.jsonl');
  process.env['STAND_IN_TRACE'] = path;
  return () =>
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as TracedCall);
}
