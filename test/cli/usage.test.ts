import { describe, expect, test } from 'vitest';
import { runCli } from '../support/run-cli.ts';

const sample = 'samples/espeak-en-16k.wav';

describe('the command line', () => {
  test('prints help on stdout and ends with 0', async () => {
    const { code, stdout } = await runCli(['--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('transcribe');
    expect(stdout).toContain('Exit codes');
  });

  test.each([
    ['an unknown command', ['transcrbe', 'a.wav'], "unknown command 'transcrbe'"],
    ['an unknown option', ['transcribe', '--modle', 'x', 'a.wav'], "unknown option '--modle'"],
    ['a missing file name', ['transcribe'], "missing required argument 'audio'"],
    ['a language that is none', ['transcribe', '-l', 'klingon', 'a.wav'], 'klingon'],
    ['threads that are no number', ['transcribe', '-t', 'two', 'a.wav'], 'whole number'],
    ['a chip without a name', ['convert', '--soc', '', 'whisper-base'], 'name of a chip'],
    ['a chip that is a path', ['convert', '--soc', '../../../evil', 'whisper-base'], 'name of a chip'],
    ['graphs for no folder', ['convert', '--soc', 'Ascend910B4', '--graphs-only', '', 'whisper-base'], 'a folder'],
    ['OM files of no folder', ['transcribe', '--om-dir', '', 'a.wav'], 'a folder'],
    ['OM files on the CPU', ['transcribe', '-d', 'cpu', '--om-dir', 'om', sample], 'om is for an NPU'],
    ['a type that the CPU does not have', ['transcribe', '-d', 'cpu', '--dtype', 'float16', sample], 'float16'],
    ['a type for NPUs that is none', ['convert', '--dtype', 'int8', 'whisper-base'], 'float32'],
    ['stdin named twice', ['transcribe', '-', '-'], 'only once'],
  ])('%s ends with 2, nothing on stdout, and says what is wrong', async (_, args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  test('options that cannot be combined end with 2, as an object too where objects are asked for', async () => {
    const { code, stdout, stderr } = await runCli(['bench', '--profile', '--json']);
    expect(code).toBe(2);
    expect(stderr).toBe('error: --profile cannot be combined with --json: a profile is a text [OPTION_SENSELESS]\n');
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'OPTION_SENSELESS' });
  });

  test('an option without effect is warned of, in one line', async () => {
    const { stderr } = await runCli(['transcribe', '--patience', '2', 'no-such-file.wav']);
    expect(stderr).toContain('warning: --patience has no effect without --beam-size above 1\n');
  });

  test('what lays out subtitles has no effect where there are none', async () => {
    const run = (format: string) => runCli(['transcribe', '-f', format, '--max-line-width', '20', 'no-such-file.wav']);
    const warning = 'warning: --max-line-width has no effect without --format srt or vtt\n';
    expect((await run('txt')).stderr).toContain(warning);
    expect((await run('txt,vtt')).stderr).not.toContain('warning');
  });

  test('a language to detect cannot be given', async () => {
    const { code, stderr } = await runCli(['transcribe', '--detect-language', '-l', 'de', 'no-such-file.wav']);
    expect([code, stderr]).toEqual([
      2,
      'error: --detect-language cannot be combined with --language: it is there to find the language [OPTION_SENSELESS]\n',
    ]);
    expect((await runCli(['transcribe', '--detect-language', '-l', 'auto', 'no-such-file.wav'])).code).toBe(3);
  });

  test('what an environment variable says is checked likewise, and named after it', async () => {
    const { code, stderr } = await runCli(['transcribe', 'a.wav'], { env: { WHISPER_NPU_DEVICE: 'gpu' } });
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: WHISPER_NPU_DEVICE is gpu: expected auto, cpu, .* or npu:all \[OPTION_SENSELESS\]\n$/,
    );
  });

  test('a command below another one takes the options of both', async () => {
    for (const args of [
      ['bench', 'compare', '--tolerance', 'much', 'a', 'b'],
      ['bench', '--tolerance', 'much', 'compare', 'a', 'b'],
    ]) {
      const { code, stderr } = await runCli(args);
      expect([code, stderr]).toEqual([
        2,
        'error: --tolerance is much: expected a number from 0 to 1000 [OPTION_SENSELESS]\n',
      ]);
    }
  });

  test('no command at all shows the help and ends with 2', async () => {
    const { code, stderr } = await runCli([]);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: whisper-npu');
  });
});

describe('errors', () => {
  test('a file that is not there ends with 3 before any model is looked for', async () => {
    const { code, stdout, stderr } = await runCli(['transcribe', 'no-such-file.wav'], {
      env: { WHISPER_NPU_HOME: '/nonexistent/store' },
    });
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toContain('no-such-file.wav');
  });

  test('a model nobody knows ends with 4 and names those that are known', async () => {
    const { code, stderr } = await runCli(['pull', 'whisper-gigantic']);
    expect(code).toBe(4);
    expect(stderr).toContain('whisper-medium');
  });

  test('with --json the error is an object on stdout too', async () => {
    const { code, stdout } = await runCli(['transcribe', '--json', 'no-such-file.wav']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      file: 'no-such-file.wav',
      error: { message: expect.stringContaining('no-such-file.wav') },
    });
  });
});

describe('help', () => {
  const flagsIn = (text: string) => text.match(/^ {2}(-\w, )?--[a-z-]+/gm) ?? [];

  test.each(['transcribe', 'bench', 'accuracy'])(
    'of %s lists ten common options, and all with --help-all',
    async (name) => {
      const { stdout: short } = await runCli([name, '--help']);
      const { code, stdout: long } = await runCli([name, '--help-all']);
      expect(code).toBe(0);
      expect(short).toContain('--help-all');
      expect(flagsIn(/Common options:\n([\s\S]*?)\n\n/.exec(short)?.[1] ?? '')).toHaveLength(10);
      expect(flagsIn(long).length).toBeGreaterThan(flagsIn(short).length + 5);
      expect(flagsIn(long)).toEqual(expect.arrayContaining(flagsIn(short)));
    },
  );

  test('of a command with few options lists all of them', async () => {
    const { stdout } = await runCli(['convert', '--help']);
    expect(stdout).toContain('--graphs-only');
    expect(stdout).not.toContain('--help-all');
  });
});
