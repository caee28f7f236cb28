import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchResult, runsAround, stage, workload } from '../../bench/results.ts';
import { models } from '../../support/models.ts';
import { hasStandIn, standInEnvironment } from '../../support/npu-stand-in.ts';
import { runCli } from '../../support/run-cli.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'whisper-npu-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('bench, asked for what cannot be,', () => {
  test.each([
    ['an earlier result that is missing', ['--compare', 'no-such.json'], 2, 'no-such.json'],
    ['an earlier result that is none', ['--compare', 'package.json'], 2, 'no result of'],
    ['audio that is missing', ['--audio', 'no-such.wav'], 3, 'no-such.wav'],
    ['audio that is none', ['--audio', 'package.json'], 3, 'package.json'],
    ['a report where a file is', ['--report', 'package.json/results'], 1, 'package.json/results'],
    ['a model nobody knows', ['--device', 'cpu', '--model', 'whisper-gigantic'], 4, 'whisper-medium'],
    ['no run at all', ['--runs', '0'], 2, 'whole number'],
    ['a prompt that is not fixed', ['--language', 'auto'], 2, 'language'],
    ['an operand', ['compere'], 2, 'too many arguments'],
  ])('%s, says so before it begins', async (_, args, expected, message) => {
    const { code, stdout, stderr } = await runCli(['bench', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(expected);
    expect(stdout).toBe('');
  });

  test('an NPU where there is none, does not settle for the CPU', async () => {
    const env = { WHISPER_NPU_ACL_LIBRARY: '/nonexistent/libascendcl.so' };
    const { code, stdout, stderr } = await runCli(['bench', '--device', 'npu'], { env });
    expect(code).toBe(5);
    expect(stdout).toBe('');
    expect(stderr).toContain('hint:');
  });
});

describe('bench compare', () => {
  const write = (name: string, changes: Parameters<typeof benchResult>[0]) => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify(benchResult(changes)));
    return path;
  };
  const encoder = (middle: number) => ({ stages: { encoder: stage(runsAround(middle)) } });

  test('ends with 1 where something is slower beyond noise, and says what', async () => {
    const { code, stdout } = await runCli(['bench', 'compare', write('a', encoder(400)), write('b', encoder(500))]);
    expect(stdout).toMatch(/encoder, median .* 1\.250 {2}worse/);
    expect(stdout).toContain('Mann-Whitney');
    expect(code).toBe(1);
  });

  test('ends with 0 where nothing is, or the tolerance is wider', async () => {
    const files = [write('a', encoder(400)), write('b', encoder(500))];
    expect((await runCli(['bench', 'compare', ...files.reverse()])).code).toBe(0);
    expect((await runCli(['bench', 'compare', ...files.reverse(), '--tolerance', '30'])).code).toBe(0);
  });

  test('ends with 2 where the work was not the same, whatever the figures', async () => {
    const other = write('b', { workload: { ...workload, tokens: 9 } });
    const { code, stdout, stderr } = await runCli(['bench', 'compare', write('a', {}), other]);
    expect(code).toBe(2);
    expect(stdout).toContain('Not the same work');
    expect(stderr).toContain('14 against 9');
  });

  test('--json gives the rows', async () => {
    const args = ['bench', 'compare', '--json', write('a', encoder(400)), write('b', encoder(400))];
    const { code, stdout } = await runCli(args);
    expect(code).toBe(0);
    const { rows, tolerance } = JSON.parse(stdout) as { rows: { label: string }[]; tolerance: number };
    expect(rows).toContainEqual(expect.objectContaining({ label: 'encoder, median', ratio: 1, verdict: 'same' }));
    expect(tolerance).toBe(5);
  });
});

describe.skipIf(models.tinyEn === undefined)('bench with whisper-tiny.en on the CPU', () => {
  const args = ['bench', '--device', 'cpu', '--model', models.tinyEn ?? '', '--warmup', '0'];

  test.each(['float32', 'int8'])('--profile says where the time goes, in %s', async (dtype) => {
    const { code, stdout } = await runCli([...args, '--dtype', dtype, '--runs', '2', '--profile']);
    expect(code).toBe(0);
    expect(stdout).toContain(`, ${dtype}, CPU`);
    const [, encoder = '', decoder = ''] = stdout.split(/^(?=encoder, mean of 2|decoder, mean of \d+)/m);
    for (const graph of [encoder, decoder]) {
      const shares = Array.from(graph.matchAll(/([\d.]+) %$/gm), ([, share]) => Number(share));
      expect(shares[0]).toBe(100);
      const total = shares.slice(1).reduce((sum, share) => sum + share, 0);
      expect(Math.abs(total - 100)).toBeLessThan(1);
    }
    const ofOnnxRuntime = dtype === 'int8' ? /^ {2}MatMulIntegerToFloat/m : /^ {2}Gemm/m;
    expect(encoder).toMatch(/\((plain|AVX2|AVX-512)\)/.test(stdout) ? /^ {2}linear layers/m : ofOnnxRuntime);
  });

  test('measures every stage, and says with what', async () => {
    const { code, stdout } = await runCli([...args, '--runs', '3', '--json']);
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as ReturnType<typeof benchResult>;
    expect(result).toMatchObject({ kind: 'whisper-npu bench', complete: true, standIn: false, runs: 3 });
    expect(result.text).toMatch(/processing unit/);
    const { audioSeconds, tokens, modelSha256, dtype } = result.workload;
    expect({ audioSeconds, dtype }).toEqual({ audioSeconds: 4, dtype: 'float32' });
    expect(modelSha256).toBe('1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a');
    const { load, features, encoder, prefill, token, endToEnd } = result.stages;
    expect([load, features, encoder, prefill, token, endToEnd].map((one) => one?.count)).toEqual([
      1,
      3,
      3,
      3,
      3 * (tokens - 1),
      3,
    ]);
    for (const { min, p50, p99, max } of Object.values(result.stages)) {
      expect(min).toBeGreaterThan(0);
      expect([p50, p99, max]).toEqual([p50, p99, max].sort((a, b) => a - b));
    }
    const whole = endToEnd?.mean ?? 0;
    expect((features?.mean ?? 0) + (encoder?.mean ?? 0) + (prefill?.mean ?? 0)).toBeLessThan(whole);
    expect(result.rtf.mean).toBeCloseTo(whole / 4000, 6);
    expect(result.tokenLatenciesMs).toHaveLength(tokens - 1);
    expect(result.peakRssBytes).toBeGreaterThan(1e8);
    for (const name of ['CPU', 'cores', 'memory', 'Node', 'ONNX Runtime', 'whisper-npu'])
      expect(result.environment[name]).not.toBe('');
  });

  test('--tokens sets the number of steps; --report and --compare go together', async () => {
    const report = join(folder, 'results');
    const earlier = join(folder, 'earlier.json');
    writeFileSync(earlier, JSON.stringify(benchResult()));
    const { code, stdout } = await runCli([
      ...args,
      '--runs',
      '2',
      '--tokens',
      '40',
      '--report',
      report,
      '--compare',
      earlier,
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('40 tokens a run (as many as asked for)');
    expect(stdout).toMatch(/^token +ms +78 /m);
    expect(stdout).toMatch(/encoder, median/);
    expect(stdout).toContain('Not the same work, so no verdict: model: whisper-base against');
    expect(readFileSync(join(report, 'bench.html'), 'utf8')).toMatch(/^<!doctype html>/);
    const stored = JSON.parse(readFileSync(join(report, 'bench.json'), 'utf8'));
    expect(stored).toMatchObject({
      workload: { tokens: 40, forcedTokens: true },
      comparison: { rows: expect.any(Array) },
    });
    const same = await runCli(['bench', 'compare', join(report, 'bench.json'), join(report, 'bench.json')]);
    expect(same.code).toBe(0);
  });

  test('more tokens than the model has room for end with 2', async () => {
    const { code, stderr } = await runCli([...args, '--tokens', '600']);
    expect(code).toBe(2);
    expect(stderr).toContain('room for');
  });

  test('--recordings says how much audio one device and several get through, and no stages', async () => {
    const asked = ['bench', '--device', 'cpu:2x1', '--recordings', '3', '--model', models.tinyEn ?? ''];
    const of = async (...more: string[]) => runCli([...asked, ...more]);
    const { code, stdout } = await of('--json', '--seconds', '2');
    expect(code).toBe(0);
    const { devices, workload, measured } = JSON.parse(stdout);
    expect(devices).toHaveLength(2);
    expect(workload).toMatchObject({ audioSeconds: 2, recordings: 3 });
    expect(measured).toHaveLength(2);
    for (const [i, { devices, elapsedSeconds, audioSecondsPerSecond, growth }] of measured.entries()) {
      expect(devices).toBe(i + 1);
      expect(audioSecondsPerSecond).toBeCloseTo(6 / elapsedSeconds, 6);
      expect(growth).toBeCloseTo(audioSecondsPerSecond / measured[0].audioSecondsPerSecond, 6);
    }
    expect((await of('--profile')).stderr).toContain('--recordings cannot be combined with --profile');
  });

  test('Ctrl-C prints what was measured until then and ends with 130', async () => {
    const { code, stdout, stderr } = await runCli([...args, '--runs', '1000', '--json'], {
      when: { text: ' of 1000', act: (kill) => kill('SIGINT') },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted');
    const { complete, runs, stages } = JSON.parse(stdout) as ReturnType<typeof benchResult>;
    expect(complete).toBe(false);
    expect(runs).toBeGreaterThan(0);
    expect(stages.endToEnd?.count).toBe(runs);
  });
});

describe.skipIf(!hasStandIn || models.tinyEn === undefined)('bench on the stand-in', () => {
  test('says in table, JSON and page that it is one, and how much of the device is in use', async () => {
    const env = { ...standInEnvironment, WHISPER_NPU_HOME: join(folder, 'store') };
    const report = join(folder, 'stand-in');
    const args = ['bench', '--device', 'npu', '--dtype', 'float32', '--model', models.tinyEn ?? '', '--report', report];
    const { code, stdout } = await runCli([...args, '--runs', '2', '--warmup', '0', '--tokens', '20'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Measured on a stand-in for CANN/);
    expect(stdout).toContain('device memory');
    expect(stdout).toContain('made ready in this very run'); // its store was empty, so the peak would be the conversion's
    expect(readFileSync(join(report, 'bench.html'), 'utf8')).toContain('these figures say nothing of an NPU');
    const result = JSON.parse(readFileSync(join(report, 'bench.json'), 'utf8')) as ReturnType<typeof benchResult>;
    expect(result.standIn).toBe(true);
    expect(result.environment['CANN']).toContain('stand-in');
    const { beforeBytes = 0, loadedBytes = 0, peakBytes = 0 } = result.deviceMemory ?? {};
    expect(loadedBytes).toBeGreaterThan(beforeBytes);
    expect(peakBytes).toBeGreaterThan(loadedBytes);
    // Several steps are waited for together. The first such batch holds the prompt and is no step's time alone.
    const firstPosition = result.tokenLatenciesMs[0]?.position ?? 0;
    expect(firstPosition).toBeGreaterThan(1);
    expect(result.stages.token?.count).toBe(2 * (20 - firstPosition));
    expect(result.stages.prefill?.count).toBe(2);
  });
});
