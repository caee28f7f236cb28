import { integer, number } from './kinds/numbers.ts';
import { choice, hostNames, nameOf, origins, secret } from './kinds/texts.ts';
import { yesOrNo } from './kinds/yes-or-no.ts';
import { option, optionWithDefault } from './option.ts';

const doors = ['serve'] as const;
const network = { group: 'Network', doors };
const access = { group: 'Access', doors };
const limits = { group: 'Limits', doors };
const loading = { group: 'Models', doors };
const log = { group: 'Log', doors };

/** How a server is reached, by whom, and how much it takes on. */
export const serveOptions = {
  host: optionWithDefault(nameOf('name'), '127.0.0.1', {
    ...network,
    commonIn: ['serve'],
    help: 'Listen on this address. Any but those of this machine alone needs --api-key or --no-auth.',
  }),
  port: optionWithDefault(integer(0, 65_535), 8000, {
    ...network,
    commonIn: ['serve'],
    help: 'Listen on this port; 0 takes a free one and says which.',
  }),
  wyoming: option(integer(0, 65_535, 'port'), {
    ...network,
    conflicts: [{ name: 'apiKey' }],
    because: 'its clients cannot send a key, so on addresses that others can reach it needs --no-auth',
    help: 'Answer Home Assistant by the Wyoming protocol too, on this port (10300 is usual; 0 takes a free one and says which).',
    defaultText: 'it is not spoken',
  }),
  apiKey: option(secret, {
    ...access,
    env: 'WHISPER_NPU_API_KEY',
    commonIn: ['serve'],
    help: 'Answer only those who send this key as a bearer token. Other users of this machine can read it on a command line.',
    defaultText: 'none',
  }),
  auth: optionWithDefault(yesOrNo, true, {
    ...access,
    conflicts: [{ name: 'apiKey' }],
    because: 'a key is there to be asked for',
    help: 'Ask for a key on addresses that others can reach.',
    offHelp: 'Answer everybody who can reach the address, without a key.',
  }),
  allowHost: option(hostNames, {
    ...access,
    help: 'Answer under these names of this machine too, with commas between them: web pages must not reach a server under a name of their own.',
    defaultText: 'localhost, the name of this machine, and addresses',
  }),
  corsOrigin: option(origins, {
    ...access,
    help: 'Let web pages of these origins use the server, with commas between them, as https://example.org.',
    defaultText: 'none',
  }),
  maxUploadMb: optionWithDefault(number(0.001, 1_000_000, 'MB'), 1024, {
    ...limits,
    help: 'Refuse requests that are larger than this many megabytes.',
  }),
  maxDurationSeconds: optionWithDefault(number(0.1, 1_000_000, 's'), 21_600, {
    ...limits,
    flag: 'max-duration',
    help: 'Refuse recordings that are longer than this many seconds.',
  }),
  maxQueue: optionWithDefault(integer(0, 100_000), 128, {
    ...limits,
    help: 'Let at most this many requests wait, beside those that are worked on; others are told to come again.',
  }),
  maxWaitSeconds: optionWithDefault(number(0, 86_400, 's'), 60, {
    ...limits,
    flag: 'max-wait',
    help: 'Let a request wait for at most this many seconds before it is told to come again.',
  }),
  uploadDir: option(nameOf('folder'), {
    ...limits,
    help: 'Keep recordings in a folder of their own there while they are worked on.',
    defaultText: 'the folder for temporary files',
  }),
  idleUnloadSeconds: option(number(0.1, 1_000_000, 's'), {
    ...loading,
    flag: 'idle-unload',
    help: 'Free the memory of a model that nobody has asked for in this many seconds; the next request loads it again.',
    defaultText: 'never',
  }),
  tlsCert: option(nameOf('file'), {
    ...network,
    requires: [{ name: 'tlsKey' }],
    because: 'a certificate is nothing without its key',
    help: 'Answer over HTTPS with this certificate, in PEM, with those between it and its root behind it.',
    defaultText: 'HTTP',
  }),
  tlsKey: option(nameOf('file'), {
    ...network,
    requires: [{ name: 'tlsCert' }],
    because: 'a key is nothing without its certificate',
    help: 'The key of that certificate, in PEM and without a password.',
    defaultText: 'none',
  }),
  logFormat: optionWithDefault(choice(['line', 'json'], 'format'), 'line', {
    ...log,
    help: 'Write a line about each request to stderr, or an object in JSON.',
  }),
  logTranscripts: option(yesOrNo, {
    ...log,
    help: 'Write what was said into the log too.',
  }),
};
