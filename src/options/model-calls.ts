import { abortSignal, callback, instance } from './kinds/code-only.ts';
import { integer } from './kinds/numbers.ts';
import { nameOf } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option } from './option.ts';

const group = 'Loading';
const doors = ['loadModel()', 'openPool()'] as const;

/** What only a program can say of a model that it loads. */
export const modelCallOptions = {
  storeDirectory: option(nameOf('folder'), {
    group,
    doors,
    help: 'Keep models in this folder.',
    defaultText: '$WHISPER_NPU_HOME, or whisper-npu in the cache folder',
  }),
  beams: option(integer(1, 1024), { group, doors, help: 'Convert an NPU’s model for this many beams too.' }),
  windows: option(integer(1, 1024), {
    group,
    doors,
    help: 'Convert an NPU’s model for batches of this many windows too.',
  }),
  wordTimes: option(yesOrNo, { group, doors, help: 'Convert an NPU’s model for word times too.' }),
  layers: option(yesOrNo, { group, doors, help: 'Convert an NPU’s model for comparisons block by block too.' }),
  env: option(instance, { group, doors, help: 'Read these variables instead of the process’s environment.' }),
  signal: option(abortSignal, { group, doors, help: 'Stop loading when this is aborted.' }),
  onEvent: option(callback, { group, doors, help: 'Call this with what happens while a model is fetched.' }),
  onPrepare: option(callback, {
    group,
    doors,
    help: 'Call this with the bytes to write when a model is prepared for the CPU.',
  }),
  onConvert: option(callback, {
    group,
    doors,
    help: 'Call this with what happens while a model is converted for an NPU.',
  }),
  onNpu: option(callback, { group, doors, help: 'Call this with the NPU before anything is loaded onto it.' }),
  onProfile: option(callback, {
    group,
    doors,
    help: 'Call this with where the time went when a model on the CPU is disposed of.',
  }),
  onWarning: option(callback, { group, doors, help: 'Call this with each warning.' }),
};
