import { poolDevices } from './kinds/device.ts';
import { integer } from './kinds/numbers.ts';
import { option, optionWithDefault } from './option.ts';

/** How many recordings at a time keep a device busy. */
export const usefulRecordings = { cpu: 1, npu: 8 } as const;

const group = 'Pool';
const doors = ['openPool()', 'serve', 'worker'] as const;

/** Several devices as one, and how many recordings share them. */
export const poolOptions = {
  device: optionWithDefault(
    poolDevices,
    { kind: 'auto' },
    {
      group,
      short: 'd',
      env: 'WHISPER_NPU_DEVICE',
      doors,
      commonIn: ['serve', 'worker'],
      help: 'Run on these devices: auto (all NPUs if there are any, else the CPU), cpu, cpu:2x4 (two engines of four threads), npu, npu:0,1,4-7 or npu:all.',
      defaultText: 'auto',
    },
  ),
  batchSize: optionWithDefault(integer(1, 256), 8, {
    group,
    doors,
    help: 'Give each device at most this many windows at a time; 1 gives the next one when the last is done.',
  }),
  maxRecordings: optionWithDefault(integer(1, 100_000), 64, {
    group,
    doors: ['openPool()', 'serve'],
    help: 'Work on at most this many recordings at a time, each of which has a window in memory; others wait for their turn.',
  }),
};

/** Commands that work on one device unless they are asked for several. */
export const devicesOptions = {
  device: optionWithDefault(
    poolDevices,
    { kind: 'auto' },
    {
      group: 'Device',
      short: 'd',
      env: 'WHISPER_NPU_DEVICE',
      doors: ['transcribe', 'bench'],
      commonIn: ['transcribe', 'bench'],
      help: 'Run on this device: auto (an NPU if there is one), cpu, npu or npu:N; or on several: npu:all, npu:0,1,4-7 or cpu:2x4 (two engines of four threads). NPUs that are asked for are never replaced.',
      defaultText: 'auto',
    },
  ),
  jobs: option(integer(1, 1024), {
    group: 'Device',
    doors: ['transcribe'],
    help: 'Transcribe this many recordings at a time. Their texts share the steps of a decoder, and what they are does not depend on it.',
    defaultText: `1 on one device; on several ${usefulRecordings.cpu} for each engine on the CPU, ${usefulRecordings.npu} for each NPU`,
  }),
};

/** What can be said of a recording beside how it is transcribed. */
export const turnOptions = {
  priority: optionWithDefault(integer(-1000, 1000), 0, {
    group,
    doors: ['pool.transcribe()'],
    help: 'Decode windows of this recording before those of recordings with a lower priority.',
  }),
};
