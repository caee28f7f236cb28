import { describe, expect, test } from 'vitest';
import { readSpeechRequest } from '../../../src/server/openai/fields.ts';

function read(fields: readonly (readonly [string, string])[], task: 'transcribe' | 'translate' = 'transcribe') {
  return readSpeechRequest({ fields }, task);
}

describe('fields of a form with a recording', () => {
  test('nothing said is a text in JSON by the default model', () => {
    expect(read([])).toMatchObject({
      model: '',
      format: 'json',
      isStreamed: false,
      wantsSegments: true,
      wantsWords: false,
      warnings: [],
    });
    expect(read([]).options).toMatchObject({
      task: 'transcribe',
      beamSize: 1,
      temperature: 0,
      temperatureIncrement: 0.2,
    });
  });

  test.each(['timestamp_granularities[]', 'timestamp_granularities'])(
    '%s is a list, given several times or with commas',
    (name) => {
      const verbose = ['response_format', 'verbose_json'] as const;
      const both = { wantsSegments: true, wantsWords: true };
      expect(read([verbose, [name, 'word'], [name, 'segment']])).toMatchObject(both);
      expect(read([verbose, [name, 'word,segment']])).toMatchObject(both);
      expect(read([verbose, [name, 'word']])).toMatchObject({ wantsSegments: false, wantsWords: true });
      expect(read([verbose, [name, 'word']]).options.wordTimestamps).toBe(true);
    },
  );

  test('OpenAI’s names mean options of ours', () => {
    const { options } = read([
      ['prompt', 'Ascend, Kunpeng'],
      ['language', 'German'],
      ['temperature', '0.4'],
    ]);
    expect(options).toMatchObject({ initialPrompt: 'Ascend, Kunpeng', language: 'de', temperature: 0.4 });
  });

  test.each(['keywords[]', 'keywords', 'hotwords', 'hotwords[]'])(
    '%s are names to expect, given several times or with commas',
    (name) => {
      expect(read([[name, 'Kunpeng']]).options.hotwords).toEqual(['Kunpeng']);
      expect(
        read([
          [name, 'Kunpeng, Anna Berg'],
          [name, ' Szczecin '],
        ]).options.hotwords,
      ).toEqual(['Kunpeng', 'Anna Berg', 'Szczecin']);
      expect(read([[name, '']]).options.hotwords).toEqual([]);
    },
  );

  test('options have the names of the library, or theirs with underscores', () => {
    expect(read([['beam_size', '5']]).options.beamSize).toBe(5);
    expect(read([['beamSize', '5']]).options.beamSize).toBe(5);
    expect(read([['start', '1:30']]).options.startSeconds).toBe(90);
    expect(
      read([
        ['vad', 'true'],
        ['vad_threshold', '0.3'],
      ]).options,
    ).toMatchObject({ vad: true, threshold: 0.3 });
    expect(read([['clip_timestamps', '1,2,3']]).options.clips).toHaveLength(2);
  });

  test('times are asked for where a format says them, or a field does', () => {
    const wants = (...fields: [string, string][]) => read(fields).wantsTimes;
    expect([wants(), wants(['response_format', 'srt']), wants(['response_format', 'whisper_json'])]).toEqual([
      false,
      true,
      true,
    ]);
    expect(wants(['timestamps', 'true'])).toBe(true);
    expect(wants(['response_format', 'whisper_json'], ['timestamps', 'false'])).toBe(false);
    expect(() => wants(['response_format', 'srt'], ['timestamps', 'false'])).toThrow(
      'timestamps is false: response_format srt has times',
    );
    expect(
      read([
        ['response_format', 'whisper_json'],
        ['stream', 'true'],
      ]).isStreamed,
    ).toBe(true);
    expect(() =>
      read([
        ['response_format', 'srt'],
        ['stream', 'true'],
      ]),
    ).toThrow('it gives events, not srt');
  });

  test('translating is a task', () => {
    expect(read([], 'translate').options.task).toBe('translate');
    expect(() => read([['task', 'transcribe']], 'translate')).toThrow('task is given twice');
  });

  test.each<[string, string]>([
    ['{"type":"server_vad","threshold":0.3,"prefix_padding_ms":100}', ''],
    ['auto', ''],
  ])('chunking_strategy %s finds the speech', (strategy) => {
    expect(read([['chunking_strategy', strategy]]).options.vad).toBe(true);
  });

  test('options without effect are told', () => {
    const { warnings, options } = read([['patience', '2']]);
    expect(warnings).toEqual(['patience has no effect without beam_size above 1']);
    expect(options.patience).toBe(1);
    const beside = read([
      ['prefix', 'Dear Ann'],
      ['keywords[]', 'Ann'],
    ]);
    expect(beside.warnings).toEqual(['keywords has no effect with prefix']);
    expect(beside.options.hotwords).toEqual([]);
  });

  test.each<[readonly (readonly [string, string])[], string, string]>([
    [[['beam_size', '0']], 'beam_size', 'beam_size is 0: expected a whole number from 1 to 1024'],
    [
      [
        ['beam_size', '2'],
        ['beamSize', '2'],
      ],
      'beamSize',
      'beamSize cannot be combined with beam_size: they are the same',
    ],
    [
      [
        ['prompt', 'a'],
        ['initial_prompt', 'b'],
      ],
      'initial_prompt',
      'initial_prompt cannot be combined with prompt: they are the same',
    ],
    [
      [
        ['keywords[]', 'a'],
        ['hotwords', 'b'],
      ],
      'hotwords',
      'hotwords cannot be combined with keywords: they are the same',
    ],
    [
      [
        ['start', '5'],
        ['end', '3'],
      ],
      'end',
      'end must lie behind start',
    ],
    [
      [['rate', '8000']],
      'rate',
      'rate needs input_format: only raw samples have to be described, all other files say themselves what they are',
    ],
    [
      [['response_format', 'yaml']],
      'response_format',
      'response_format is yaml: expected json, text, srt, verbose_json, vtt, lrc, tsv, csv, whisper_json',
    ],
    [[['stream', 'perhaps']], 'stream', 'stream is perhaps: expected true or false'],
    [
      [
        ['stream', 'true'],
        ['response_format', 'srt'],
      ],
      'stream',
      'stream is true: it gives events, not srt: leave response_format out',
    ],
    [[['include[]', 'secrets']], 'include', 'include is secrets: expected logprobs'],
    [
      [['timestamp_granularities[]', 'word']],
      'timestamp_granularities',
      'timestamp_granularities is word: words come in response_format verbose_json or whisper_json',
    ],
    [
      [
        ['model', 'a'],
        ['model', 'b'],
      ],
      'model',
      'model is given twice: expected one value',
    ],
    [
      [['chunking_strategy', '{"type":"client"}']],
      'chunking_strategy',
      'chunking_strategy is client: expected an object of type server_vad',
    ],
    [
      [['chunking_strategy', '{"type"']],
      'chunking_strategy',
      'chunking_strategy is {"type": expected auto or an object in JSON',
    ],
    [
      [
        ['chunking_strategy[__proto__]', '1'],
        ['chunking_strategy[type]', 'server_vad'],
      ],
      'chunking_strategy',
      'chunking_strategy is __proto__: it takes type, threshold, silence_duration_ms, prefix_padding_ms',
    ],
    [[['__proto__', 'x']], '__proto__', 'there is no field __proto__'],
    [[['constructor', 'x']], 'constructor', 'there is no field constructor'],
    [[['model_directory', '/etc']], 'model_directory', 'there is no field model_directory'],
    [[['om_dir', '/etc']], 'om_dir', 'there is no field om_dir'],
    [[['output_dir', '/etc']], 'output_dir', 'there is no field output_dir'],
    [[['ffmpeg', '/bin/sh']], 'ffmpeg', 'there is no field ffmpeg'],
  ])('%j is refused', (fields, option, message) => {
    expect(() => read(fields)).toThrow(expect.objectContaining({ name: 'UsageError', option, message }));
  });

  test.each([
    ['known_speaker_names[]', 'anna'],
    ['known_speaker_references[]', 'data:audio/wav;base64,'],
    ['response_format', 'diarized_json'],
  ])('%s says that there are no speakers yet', (name, value) => {
    expect(() => read([[name, value]])).toThrow(expect.objectContaining({ code: 'NO_SPEAKERS', status: 400 }));
  });
});
