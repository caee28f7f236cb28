import { dtypesOf } from '../model/dtype.ts';
import { chip, choice, nameOf } from './kinds/texts.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Device';
const doors = ['convert'] as const;

/** What a model is converted for. */
export const conversionOptions = {
  soc: option(chip, {
    group,
    doors,
    help: 'Convert for this chip, as Ascend910B4.',
    defaultText: 'the one in this machine',
  }),
  dtype: optionWithDefault(choice(dtypesOf.NPU, 'type'), 'float16', {
    group,
    doors,
    help: 'Have the NPU compute in this type.',
  }),
  hostCpu: option(choice(['aarch64', 'x86_64']), {
    group,
    doors,
    help: 'Convert for a machine with this processor.',
    defaultText: 'that of this machine',
  }),
  graphsOnly: option(nameOf('folder'), {
    group: 'Output',
    doors,
    help: 'Write the graphs and the commands of atc into this folder, to run elsewhere.',
  }),
};
