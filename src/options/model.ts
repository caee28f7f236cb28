import { availableParallelism } from 'node:os';
import { type CpuLevel, levelNames } from '../backend/cpu-level.ts';
import { dtypesOf } from '../model/dtype.ts';
import { sourceNames } from '../model/fetch/context.ts';
import { device } from './kinds/device.ts';
import { integer } from './kinds/numbers.ts';
import { choice, nameOf } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

/** More threads than this slow a decoder step down on machines with many cores. */
const usefulThreads = 8;

const modelGroup = 'Model';
const deviceGroup = 'Device';
const running = ['transcribe', 'bench', 'accuracy', 'loadModel()', 'openPool()', 'serve', 'worker'] as const;

/** Number of CPU threads; a number beyond this is a mistake. */
export const threadCount = integer(1, 1024);

/** Which model runs where. */
export const modelOptions = {
  model: option(nameOf('name'), {
    group: modelGroup,
    short: 'm',
    env: 'WHISPER_NPU_MODEL',
    doors: running,
    commonIn: ['transcribe', 'bench', 'accuracy', 'serve', 'worker'],
    help: 'Use this model: a name (whisper-base), a hub id (openai/whisper-base) or a folder.',
    defaultText: 'whisper-medium on an NPU, whisper-base on the CPU',
  }),
  source: option(choice(sourceNames), {
    group: modelGroup,
    doors: [...running, 'convert', 'pull'],
    help: 'Fetch the model from this source only.',
    defaultText: 'one after the other',
  }),
  offline: option(yesOrNo, {
    group: modelGroup,
    doors: [...running, 'convert'],
    help: 'Use only what is on this machine.',
  }),
  device: optionWithDefault(
    device,
    { kind: 'auto' },
    {
      group: deviceGroup,
      short: 'd',
      env: 'WHISPER_NPU_DEVICE',
      doors: ['accuracy', 'loadModel()'],
      commonIn: ['accuracy'],
      help: 'Run on this device: auto (an NPU if there is one), cpu, npu or npu:N. An NPU that is asked for is never replaced.',
      defaultText: 'auto',
    },
  ),
  threads: optionWithDefault(threadCount, Math.min(availableParallelism(), usefulThreads), {
    group: deviceGroup,
    short: 't',
    doors: running,
    commonIn: ['bench'],
    help: 'Compute with this many CPU threads.',
    defaultText: `one per processor, at most ${usefulThreads}`,
  }),
  cpuLevel: option(choice(Object.keys(levelNames) as CpuLevel[], 'level'), {
    group: deviceGroup,
    flag: 'cpu-level',
    env: 'WHISPER_NPU_CPU_LEVEL',
    doors: running,
    help: 'On the CPU: compute with this level of instructions, to try or compare it. `doctor` says which there are here.',
    defaultText: 'the best of this processor',
  }),
  dtype: option(choice([...new Set([...dtypesOf.NPU, ...dtypesOf.CPU])], 'type'), {
    group: deviceGroup,
    doors: running,
    commonIn: ['bench', 'accuracy', 'worker'],
    help: 'Compute in this type: float16 or float32 on an NPU, float32 or int8 on the CPU.',
    defaultText: 'float16 on an NPU, float32 on the CPU',
  }),
  omDirectory: option(nameOf('folder'), {
    group: deviceGroup,
    flag: 'om-dir',
    doors: running,
    help: 'Run these OM files, which were converted elsewhere, instead of converting here.',
  }),
};
