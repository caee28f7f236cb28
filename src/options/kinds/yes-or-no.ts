import type { Kind } from '../kind.ts';

/** True or false. On a command line the option's presence says it. */
export const yesOrNo: Kind<boolean> = {
  expected: 'true or false',
  schema: { type: 'boolean' },
  fromText: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  fromCode: (value) => (typeof value === 'boolean' ? value : undefined),
};
