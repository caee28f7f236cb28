import { poolDevices } from './kinds/device.ts';
import { integer } from './kinds/numbers.ts';
import { optionWithDefault } from './option.ts';

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

/** What can be said of a recording beside how it is transcribed. */
export const turnOptions = {
  priority: optionWithDefault(integer(-1000, 1000), 0, {
    group,
    doors: ['pool.transcribe()'],
    help: 'Decode windows of this recording before those of recordings with a lower priority.',
  }),
};
