import { standInNotice } from '../../backend/stand-in-notice.ts';
import { benchAudio } from '../../bench/workload.ts';
import { usefulRecordings } from '../../options/pool.ts';
import type { CommandOptions } from '../../options/tables.ts';
import { listNamedDevices } from '../../pool/devices.ts';
import { openModels } from '../../pool/open-pool.ts';
import { poolOf } from '../../pool/pool.ts';
import type { LoadedModel } from '../../transcribe/loaded-model.ts';
import type { Recording } from '../../transcribe/log-mel-source.ts';
import { modelInput } from '../model-input.ts';
import type { Session } from '../session.ts';
import { table } from '../table.ts';
import type { Terminal } from '../terminal.ts';

type Options = CommandOptions<'bench'>;

/** What so many devices got through. */
interface Throughput {
  readonly devices: number;
  readonly elapsedSeconds: number;
  readonly audioSecondsPerSecond: number;
  /** Times what one device gets through. */
  readonly growth: number;
}

/** How many windows a device has at a time: as many as a pool gives it if nothing is said. */
const windowsOfDevice = 8;

/** Measures how much audio devices get through that share recordings, with one of them, two, four and so on up to all, and shows it. */
export async function showThroughput(options: Options, session: Session, terminal: Terminal): Promise<void> {
  const { signal } = session;
  const audio = await benchAudio(options.audio, options.seconds, { signal, onWarning: terminal.warn });
  const devices = await listNamedDevices(options.device, options.threads, session.env);
  const recordings = options.recordings ?? usefulRecordings.npu * devices.length;
  let standIn = false;
  const models = await openModels(devices, {
    ...modelInput(options, session, terminal),
    onNpu({ isStandIn }) {
      standIn ||= isStandIn;
    },
  });
  const [first] = models;
  if (first === undefined) throw new Error('a device has a model');
  const names = models.map(({ backend }) => backend.device);
  terminal.note(`model ${first.name}, ${first.dtype}, device ${names.join('; ')}`);
  const measured: Throughput[] = [];
  try {
    for (const count of growing(models.length)) {
      const elapsedSeconds = await timeOf(
        models.slice(0, count),
        recordingOf(audio.samples),
        recordings,
        options,
        signal,
      );
      const audioSecondsPerSecond = (recordings * audio.seconds) / elapsedSeconds;
      const growth = audioSecondsPerSecond / (measured[0]?.audioSecondsPerSecond ?? audioSecondsPerSecond);
      measured.push({ devices: count, elapsedSeconds, audioSecondsPerSecond, growth });
      terminal.note(`${count} of ${models.length} devices: ${audioSecondsPerSecond.toFixed(1)} s of audio in a second`);
    }
  } finally {
    for (const model of models) await model[Symbol.asyncDispose]();
  }
  if (options.json) {
    const { name: model, dtype } = first;
    const workload = { model, dtype, audio: audio.description, audioSeconds: audio.seconds, recordings };
    const result = { kind: 'whisper-npu bench of throughput', version: 1, standIn, devices: names, workload, measured };
    return session.print(`${JSON.stringify(result)}\n`);
  }
  const rows = measured.map((each) => [
    String(each.devices),
    each.elapsedSeconds.toFixed(2),
    each.audioSecondsPerSecond.toFixed(1),
    each.growth.toFixed(2),
  ]);
  const header = ['devices', 'seconds', 'seconds of audio in a second', 'times one device'];
  const lines = [
    ...(standIn ? [standInNotice(names.join('; '))] : []),
    `${first.name}, ${first.dtype}, ${names.join('; ')}`,
    `${recordings} times ${audio.description}, at once`,
    '',
  ];
  await session.print(`${lines.join('\n')}\n${table(header, rows, [0, 1, 2, 3])}`);
}

/** 1, 2, 4 and so on, and at last all. */
function growing(most: number): number[] {
  const counts: number[] = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  return [...counts, most];
}

/** Seconds that some devices take for recordings that come all at once, after each has done one. */
async function timeOf(
  models: readonly LoadedModel[],
  recording: Recording,
  count: number,
  { language }: Options,
  signal: AbortSignal,
): Promise<number> {
  // The models go on to live when this pool is closed.
  const lent = models.map((model) => ({ ...model, [Symbol.asyncDispose]: async () => {} }));
  await using pool = poolOf(lent, { batchSize: windowsOfDevice, maxRecordings: count });
  const hear = async () => {
    for await (const _ of pool.transcribe(recording, { language, temperatures: [0], signal }));
  };
  await Promise.all(models.map(hear));
  const started = performance.now();
  await Promise.all(Array.from({ length: count }, hear));
  return (performance.now() - started) / 1000;
}

function recordingOf(samples: Float32Array): Recording {
  return {
    async *samples() {
      yield samples.slice();
    },
  };
}
