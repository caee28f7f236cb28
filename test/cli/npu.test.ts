import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { models } from '../support/models.ts';
import { hasStandIn, standInEnvironment } from '../support/npu-stand-in.ts';
import { runCli } from '../support/run-cli.ts';
import { shared } from '../support/shared.ts';
import { writeSmallEnglishModel } from '../support/small-english-model.ts';

const sample = 'samples/espeak-en-16k.wav';
const sentence =
  'speech recognition on a neural processing unit turns this recording into text in a fraction of a second.';

describe('without CANN', () => {
  const env = { WHISPER_NPU_ACL_LIBRARY: '/nonexistent/libascendcl.so' };

  test('--device npu ends with 5, says what was looked for and what to do, and does not settle for the CPU', async () => {
    const { code, stdout, stderr } = await runCli(['transcribe', '--device', 'npu', sample], { env });
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain('/nonexistent/libascendcl.so');
    expect(stderr).toContain('hint:');
  });

  test('doctor tells what is missing, and that is no fault', async () => {
    const { code, stdout } = await runCli(['doctor', '--json'], { env });
    expect(code).toBe(0);
    const findings = JSON.parse(stdout) as { what: string; state: string }[];
    expect(findings.find(({ what }) => what === 'CANN')).toMatchObject({ state: 'missing' });
    expect(findings.find(({ what }) => what === 'CPU engine')).toMatchObject({ state: 'ok' });
  });

  test('convert without atc ends with 6 and names the way out', async () => {
    const args = ['convert', 'whisper-base', '--soc', 'Ascend910B4'];
    const { code, stderr } = await runCli(args, { env: { ...env, WHISPER_NPU_ATC: '/nonexistent/atc' } });
    expect(code).toBe(6);
    expect(stderr).toContain('--graphs-only');
  });
});

describe.skipIf(!hasStandIn || models.tinyEn === undefined || models.base === undefined)('on the stand-in', () => {
  let store: string;
  let env: Record<string, string>;
  beforeAll(() => {
    store = mkdtempSync(join(tmpdir(), 'whisper-npu-cli-'));
    env = { ...standInEnvironment, WHISPER_NPU_HOME: store };
  });
  afterAll(() => rmSync(store, { recursive: true }));
  const tinyEn = ['--model', models.tinyEn ?? ''];

  test('doctor shows the stand-in as what it is', async () => {
    const { stdout } = await runCli(['doctor'], { env });
    expect(stdout).toContain('stand-in');
    expect(stdout).not.toContain('Ascend910');
  });

  test('auto takes the device that is there', async () => {
    const args = ['transcribe', ...tinyEn, '--dtype', 'float32', sample];
    const { code, stderr } = await runCli(args, { env });
    expect(code).toBe(0);
    expect(stderr).toContain('device stand-in for NPU 0');
  });

  test('a device lost in the middle of a file fails that file with its name, and the next command works', async () => {
    const args = ['transcribe', '-q', '-d', 'npu', '--dtype', 'float32', ...tinyEn, sample];
    const lost = await runCli(args, { env: { ...env, STAND_IN_LOSE_DEVICE: 'aclmdlExecuteAsync:5' } });
    expect(lost.code).toBe(5);
    expect(lost.stdout).toBe('');
    expect(lost.stderr).toContain(sample);
    const next = await runCli(args, { env });
    expect(next.code).toBe(0);
    expect(next.stdout).toContain('neural processing unit');
  });

  test('convert --graphs-only leaves what atc needs and the commands for it', async () => {
    const [small, folder] = [join(store, 'small'), join(store, 'graphs')];
    await writeSmallEnglishModel(small, models.tinyEn ?? '');
    const args = ['convert', small, '--soc', 'Ascend910B4', '--graphs-only', folder];
    const { code, stdout } = await runCli(args, { env });
    expect(code).toBe(0);
    expect(stdout.trim()).toBe(folder);
    expect(readdirSync(folder).sort()).toEqual([
      'convert.sh',
      'decoder-1.onnx',
      'decoder-4.onnx',
      'encoder.onnx',
      'greedy-1-448-50256-50363.onnx',
      'rows-64-1-448.onnx',
      'weights.bin',
    ]);
    const script = readFileSync(join(folder, 'convert.sh'), 'utf8');
    expect(script.match(/^atc .*--soc_version=Ascend910B4/gm)).toHaveLength(5);

    const wide = join(store, 'wide');
    const variants = ['--beam-size', '5', '--batch-size', '2', '--word-timestamps'];
    expect((await runCli([...args.slice(0, -1), wide, ...variants], { env })).code).toBe(0);
    const added = readdirSync(wide).filter((file) => !readdirSync(folder).includes(file));
    expect(added.sort()).toEqual(['aligner-64.onnx', 'rows-10-2-1344-10.onnx', 'rows-5-1-1344-10.onnx']);
  });

  const golden = shared === undefined ? '' : join(shared, 'golden', 'whisper-base');
  const clips = existsSync(golden) ? readdirSync(golden).filter((name) => /^[^.]+\.json$/.test(name)) : [];
  const has = (clip: string) => clips.includes(`${clip}.json`);
  const audio = (clip: string) => join(shared ?? '', 'audio', `${clip}.wav`);
  const reference = (clip: string) =>
    JSON.parse(readFileSync(join(golden, `${clip}.json`), 'utf8')).short_no_timestamps;

  // test/transcribe/golden.test.ts has all ways of decoding; these are the program's own.
  test.skipIf(!has('jfk'))('float32 gives the reference’s text', async () => {
    const short = ['jfk', 'austen-0870'];
    const args = ['transcribe', '-d', 'npu', '--dtype', 'float32', '-m', models.base ?? ''];
    const { code, stdout, stderr } = await runCli([...args, ...short.map(audio)], { env });
    expect(stderr).toContain('atc: encoder (1 of 5)');
    expect(stderr).toContain('stand-in');
    expect(code).toBe(0);
    expect(stdout).toBe(short.map((clip) => `==> ${audio(clip)} <==\n${reference(clip).text}\n`).join(''));
  });

  test('float16 gives the same text', async () => {
    const clips = [sample, ...(has('espeak-de') ? [audio('espeak-de')] : [])];
    const { code, stdout } = await runCli(['transcribe', '-d', 'npu', '-m', models.base ?? '', ...clips], { env });
    expect(code).toBe(0);
    const textOf = (clip: string) => (clip === sample ? sentence : reference(basename(clip, '.wav')).text);
    expect(stdout).toBe(clips.map((clip) => `==> ${clip} <==\n${textOf(clip)}\n`).join(''));
  });
});
