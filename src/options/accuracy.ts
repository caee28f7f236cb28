import { number } from './kinds/numbers.ts';
import { nameOf } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { threadCount } from './model.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Comparison';
const doors = ['accuracy'] as const;
const needsModel = { conflicts: [{ name: 'ref' }], because: 'it needs a model as reference, not a file' };

/** What is compared with what. */
export const accuracyOptions = {
  manifest: option(nameOf('file'), {
    group,
    doors,
    commonIn: ['accuracy'],
    help: 'Compare the recordings in this file of lines audio<TAB>transcript, with paths counted from its folder.',
  }),
  ref: optionWithDefault(nameOf('reference'), 'cpu', {
    group,
    doors,
    commonIn: ['accuracy'],
    help: 'Compare with this: cpu, or a file of --save-reference.',
  }),
  refModel: option(nameOf('name'), {
    group,
    doors,
    ...needsModel,
    help: 'Compare with this model on the CPU.',
    defaultText: 'the same model',
  }),
  refThreads: option(threadCount, {
    group,
    doors,
    ...needsModel,
    help: 'Compute the reference with this many CPU threads.',
    defaultText: 'as --threads',
  }),
  thresholdPercent: optionWithDefault(number(1e-6, 100, 'percent'), 1, {
    group,
    doors,
    commonIn: ['accuracy'],
    flag: 'threshold',
    help: 'Pass if every probability differs by less than this many percent.',
  }),
  layers: option(yesOrNo, {
    group,
    doors,
    commonIn: ['accuracy'],
    ...needsModel,
    help: 'Compare block by block too, to find where a difference comes from.',
  }),
};
