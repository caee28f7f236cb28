import type { AudioRecording } from '../../audio/recording.ts';
import type { LanguageProbability } from '../../decoding/language.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { listNamedDevices, type PoolDevice, singleDevice, usefulCount } from '../../pool/devices.ts';
import { openPoolOn } from '../../pool/open-pool.ts';
import { deviceNames } from '../../pool/pool.ts';
import { openModel } from '../../setup/open-model.ts';
import { skipsSilence } from '../../transcribe/asked-options.ts';
import { detectLanguage } from '../../transcribe/detect-language.ts';
import type { TranscribeOptions } from '../../transcribe/options.ts';
import type { Segment } from '../../transcribe/segment.ts';
import { transcribe } from '../../transcribe/transcribe.ts';
import { modelInput } from '../model-input.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import type { OutputSettings } from './output-settings.ts';

type Options = CommandOptions<'transcribe'>;

/** A model that listens to recordings on this machine, to one at a time or to several. */
export interface Listener extends AsyncDisposable {
  readonly model: string;
  readonly device: string;
  transcribe(audio: AudioRecording, options: TranscribeOptions): AsyncIterable<Segment>;
  detectLanguage(audio: AudioRecording, signal: AbortSignal): Promise<readonly LanguageProbability[]>;
}

/** On what recordings are listened to, and how many at a time. */
export interface ListeningPlan {
  /** None where a server listens. */
  readonly devices: readonly PoolDevice[];
  /** Whether they share recordings; else the first one has a model of its own. */
  readonly isPool: boolean;
  readonly atATime: number;
}

/** @param nRecordings how many there are to listen to */
export async function planListening(
  { device, jobs, threads, server }: Options,
  nRecordings: number,
  env: NodeJS.ProcessEnv,
): Promise<ListeningPlan> {
  const atMost = (count: number) => Math.min(count, Math.max(1, nRecordings));
  if (server !== undefined) return { devices: [], isPool: false, atATime: atMost(jobs ?? 1) };
  const only = singleDevice(device, threads);
  if (only !== undefined && atMost(jobs ?? 1) === 1) return { devices: [only], isPool: false, atATime: 1 };
  const devices = await listNamedDevices(device, threads, env);
  return { devices, isPool: true, atATime: atMost(jobs ?? usefulCount(devices)) };
}

/** Loads the model onto the device, or onto all of them, and says so. */
export async function openListener(
  options: Options,
  { needsWords }: OutputSettings,
  { devices, isPool, atATime }: ListeningPlan,
  session: Session,
  terminal: Terminal,
): Promise<Listener> {
  const { beamSize, batchSize } = options;
  const opening = {
    ...modelInput(options, session, terminal),
    beams: beamSize,
    windows: batchSize,
    // Where silence is taken out, segments that reach over it are cut by when their words were said.
    wordTimes: needsWords || skipsSilence(options),
  };
  const [only] = devices;
  if (isPool || only === undefined) {
    // Each recording has as many windows at a time as a batch has stretches of speech.
    const places = batchSize * Math.ceil(atATime / devices.length);
    const pool = await openPoolOn(devices, opening, { batchSize: places, maxRecordings: atATime });
    terminal.note(`model ${pool.name}, ${pool.dtype}, device ${deviceNames(pool)}; ${atATime} recordings at a time`);
    return {
      model: pool.name,
      // What a recording says of itself is the same whichever of several alike it was.
      device: [...new Set(pool.status().devices.map(({ name }) => name))].join('; '),
      transcribe: (audio, asked) => pool.transcribe(audio, asked),
      detectLanguage: (audio, signal) => pool.detectLanguage(audio, signal),
      [Symbol.asyncDispose]: () => pool.close(),
    };
  }
  const model = await openModel({ ...opening, ...only });
  terminal.note(`model ${model.name}, ${model.dtype}, device ${model.backend.device}`);
  return {
    model: model.name,
    device: model.backend.device,
    transcribe: (audio, asked) => transcribe(model, audio, asked),
    detectLanguage: (audio, signal) => detectLanguage(model, audio, signal),
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  };
}
