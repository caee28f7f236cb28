import { secret, serverAddress } from './kinds/texts.ts';
import { option } from './option.ts';

const group = 'Server';
const doors = ['transcribe'] as const;

/** Where the work is done, if not here. */
export const remoteOptions = {
  server: option(serverAddress, {
    group,
    doors,
    env: 'WHISPER_NPU_SERVER',
    conflicts: ['source', 'offline', 'device', 'threads', 'cpuLevel', 'dtype', 'omDirectory'].map((name) => ({
      name,
    })),
    because: 'a server has its own models and devices',
    help: 'Send recordings to this server (`whisper-npu serve`), and write what it hears as if it were heard here. --model is a model there.',
    defaultText: 'this machine does the work',
  }),
  apiKey: option(secret, {
    group,
    doors,
    env: 'WHISPER_NPU_API_KEY',
    help: 'Send the server this key. Other users of this machine can read it on a command line.',
    defaultText: 'none',
  }),
};
