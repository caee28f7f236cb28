import { maxChannels, maxSampleRate, minSampleRate, rawEncodings } from '../audio/formats/pcm.ts';
import { abortSignal, callback, instance } from './kinds/code-only.ts';
import { integer } from './kinds/numbers.ts';
import { choice, nameOf } from './kinds/texts.ts';
import { clips, time } from './kinds/time.ts';
import { track } from './kinds/track.ts';
import { option, optionWithDefault } from './option.ts';

const group = 'Audio';
const doors = ['transcribe', 'openRecording()', 'audio form', 'queue add'] as const;
const describesRawSamples = {
  requires: [{ name: 'inputFormat' }],
  because: 'only raw samples have to be described, all other files say themselves what they are',
};

/** What of a recording is listened to, and how raw samples are written. */
export const audioOptions = {
  channel: optionWithDefault(choice(['mix', 'left', 'right'], 'which'), 'mix', {
    group,
    doors,
    help: 'Listen to this channel of a stereo recording; mix is the mean of all channels.',
  }),
  track: option(track, {
    group,
    doors,
    conflicts: [{ name: 'inputFormat' }],
    because: 'raw samples are one track',
    help: 'Listen to this track of sound where a file has several: its number, counted from 1, or its language.',
    defaultText: 'the one that the file calls its default, else the first',
  }),
  startSeconds: option(time, {
    group,
    doors,
    flag: 'start',
    help: 'Begin here: seconds, m:s or h:m:s, as in 1:23.5.',
    defaultText: 'the beginning',
  }),
  endSeconds: option(time, {
    group,
    doors,
    flag: 'end',
    behind: 'startSeconds',
    help: 'End here, counted from the beginning of the recording.',
    defaultText: 'its end',
  }),
  inputFormat: option(choice(Object.keys(rawEncodings)), {
    group,
    doors,
    help: 'Read the input as raw samples that are written like this.',
  }),
  rate: optionWithDefault(integer(minSampleRate, maxSampleRate, 'hertz'), 16_000, {
    group,
    doors,
    ...describesRawSamples,
    help: 'Read raw samples at this sample rate.',
  }),
  channels: optionWithDefault(integer(1, maxChannels), 1, {
    group,
    doors,
    ...describesRawSamples,
    help: 'Read raw samples of this many channels that take turns.',
  }),
  clips: option(clips, {
    group,
    doors: ['transcribe', 'transcribe()', 'audio form', 'queue add'],
    flag: 'clip-timestamps',
    conflicts: [{ name: 'vad' }, { name: 'speech' }, { name: 'batchSize', above: 1 }],
    because: 'say which parts to listen to, or have them found',
    help: 'Transcribe these parts only: start,end,start,end … The last end may be missing.',
    defaultText: 'all of it',
  }),
};

const callDoors = ['openRecording()'] as const;

/** What only a program can say of a recording that it opens. */
export const audioCallOptions = {
  ffmpeg: option(nameOf('file'), {
    group,
    doors: callDoors,
    help: 'Decode what is not decoded here with this ffmpeg.',
    defaultText: 'ffmpeg',
  }),
  stdin: option(instance, { group, doors: callDoors, help: 'Read this stream where the path is -.' }),
  onWarning: option(callback, { group, doors: callDoors, help: 'Call this with each warning.' }),
  signal: option(abortSignal, { group, doors: callDoors, help: 'Stop reading when this is aborted.' }),
};
