import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hangLimitMs } from '../support/hang-limit.ts';
import { buildStandIn, standIn } from './built.ts';
import { stepGraph, writeGraph } from './step-graph.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stand-in-test-'));
const model = path.join(folder, 'step.om');
const built = buildStandIn();

function convert(output: string, ...options: string[]): void {
  const graph = path.join(folder, 'graph.onnx');
  const args = [`--model=${graph}`, '--framework=5', '--soc_version=Ascend910B4', '--input_format=ND', ...options];
  const result = spawnSync(standIn.atc, [...args, `--output=${output}`], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(result.stdout);
}

/** Runs a scenario of stand_in_test.cc, which is silent where everything holds. */
function drive(scenario: string, env: Record<string, string> = {}, args: string[] = [model]) {
  const result = spawnSync(standIn.driver, [standIn.library, scenario, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: hangLimitMs,
  });
  return { status: result.status, signal: result.signal, stdout: result.stdout, stderr: result.stderr };
}

const holds = { status: 0, signal: null, stderr: '' };

describe.skipIf(!built)('the stand-in library', () => {
  beforeAll(() => {
    writeGraph(folder, stepGraph);
    convert(path.join(folder, 'step'), '--precision_mode_v2=origin');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('gives the real codes for calls at the wrong time', () => {
    expect(drive('start-and-end')).toMatchObject(holds);
  });

  test('holds memory that is garbage at first, bounded, and fast to copy', () => {
    expect(drive('memory')).toMatchObject(holds);
  });

  test('kills a host that reads device memory itself', () => {
    expect(drive('dereference')).toMatchObject({ signal: 'SIGSEGV' });
  });

  test('runs a model at once, its output inside the memory of its input', () => {
    expect(drive('sync-execute')).toMatchObject(holds);
  });

  test('does what is queued only when somebody waits', () => {
    expect(drive('async-execute')).toMatchObject(holds);
  });

  test('loads from memory into given memory, and refuses cut files', () => {
    expect(drive('load-from-memory')).toMatchObject(holds);
  });

  test('serves threads with contexts of their own', () => {
    expect(drive('threads')).toMatchObject(holds);
  });

  test('shares weights that lie in device memory between models', () => {
    const output = path.join(folder, 'shared', 'step');
    mkdirSync(path.dirname(output), { recursive: true });
    convert(output, '--precision_mode_v2=origin', '--external_weight=1');
    const weights = path.join(path.dirname(output), 'weight');
    const [file = ''] = readdirSync(weights);
    expect(drive('shared-weights', {}, [`${output}.om`, path.join(weights, file)])).toMatchObject(holds);
    expect(drive('load-code', {}, [`${output}.om`]).stdout).toBe('0\n');
    rmSync(weights, { recursive: true });
    expect(drive('load-code', {}, [`${output}.om`]).stdout).toBe('545001\n');
  });

  test('hangs on demand, so that bounded waits end and the device works after a reset', () => {
    expect(drive('hang', { STAND_IN_HANG: 'aclmdlExecuteAsync:1' })).toMatchObject(holds);
    expect(drive('bounded-execute', { STAND_IN_HANG: 'aclmdlExecuteV2:1' })).toMatchObject({ ...holds, stderr: '' });
  });

  test('loses its device on demand, until it is reset', () => {
    expect(drive('lost-device', { STAND_IN_LOSE_DEVICE: 'aclrtMemcpy:2' })).toMatchObject(holds);
  });

  test('fails every call of a context after a device error', () => {
    expect(drive('failed-context', { STAND_IN_FAIL: 'aclrtSynchronizeStream:1:507015' })).toMatchObject(holds);
  });

  test('lets a release that is made to fail release all the same', () => {
    expect(drive('failed-release', { STAND_IN_FAIL: 'aclrtFree:1:507899' })).toMatchObject(holds);
  });

  test('takes the modelled time instead of computing where its devices are dry, all at once, and runs no model that does not say what it costs', () => {
    const tokens = path.join(folder, 'tokens.txt');
    writeFileSync(tokens, '# a text over any window\n* 3 1 2 3\n');
    const env = { STAND_IN_DRY: tokens, STAND_IN_DEVICES: '2', STAND_IN_DRY_KERNEL_US: '100000' };
    expect(drive('dry', env)).toMatchObject(holds);
    const silent = path.join(folder, 'silent.om');
    writeFileSync(silent, readFileSync(model).toString('latin1').replaceAll('kernels\t', 'Kernels\t'), 'latin1');
    expect(drive('load-code', { STAND_IN_DRY: tokens }, [silent]).stdout).toBe('545001\n');
  });

  test.each([
    ['no file', undefined],
    ['a line that is no text', '* one 1 2'],
    ['a window that is none', 'xyz 3 1 2'],
    ['a text without tokens', '* 3'],
  ])('opens no dry device with %s to replay', (_, content) => {
    const tokens = path.join(folder, 'bad-tokens.txt');
    rmSync(tokens, { force: true });
    if (content !== undefined) writeFileSync(tokens, content);
    expect(drive('load-code', { STAND_IN_DRY: tokens }).stderr).toContain('aclrtSetDevice: got 507899');
  });

  test('names what is still alive at the end', () => {
    const { stderr } = drive('leaks');
    expect(stderr).toBe('stand-in: leak: 2 data buffers, 1 device allocation, 1 model, 1 stream\n');
  });

  test('traces each call with its bytes, direction and code', () => {
    const trace = path.join(folder, 'trace.jsonl');
    drive('memory', { STAND_IN_TRACE: trace });
    const lines = readFileSync(trace, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const copies = lines.filter((line) => line.function === 'aclrtMemcpy' && line.bytes === 256 && line.code === 0);
    expect(copies.map((line) => line.direction)).toEqual(['D2H', 'H2D', 'D2H', 'D2D', 'D2H', 'D2H']);
    expect(lines.at(-1)).toMatchObject({ function: 'aclFinalize', code: 0, bytes: 0, direction: null });
  });

  test('ends without capacity, without a device, and on another soc as asked for', () => {
    expect(drive('load-code', { STAND_IN_SOC: 'Ascend910B3' }).stdout).toBe('0\n');
    expect(drive('load-code', { STAND_IN_SOC: 'Ascend310P3' }).stdout).toBe('500002\n');
    expect(drive('load-code', { STAND_IN_HBM_BYTES: '1000' }).stdout).toBe('245000\n');
    expect(drive('load-code', { STAND_IN_DEVICES: '0' }).stderr).toContain('expected 0');
  });

  test.each([
    ['an empty file', () => Buffer.alloc(0), '1343225857'],
    ['less than a header', (om: Buffer) => om.subarray(0, 255), '145006'],
    ['another magic number', (om: Buffer) => Buffer.concat([Buffer.from('XXXX'), om.subarray(4)]), '145000'],
    ['a cut file', (om: Buffer) => om.subarray(0, -1), '145000'],
    ['a longer file', (om: Buffer) => Buffer.concat([om, Buffer.alloc(1)]), '145000'],
    [
      'a bundle',
      (om: Buffer) => {
        const bundle = Buffer.from(om);
        bundle.writeUInt8(5, 82);
        return bundle;
      },
      '500002',
    ],
  ])('refuses %s with the real code', (_, change, code) => {
    const file = path.join(folder, 'changed.om');
    writeFileSync(file, change(readFileSync(model)));
    expect(drive('load-code', {}, [file]).stdout).toBe(`${code}\n`);
  });

  test('rounds weights to float16 where atc was told nothing', () => {
    convert(path.join(folder, 'half'));
    // The scenario expects 1 + 0.03 exactly; the nearest float16 of 0.03 is another number.
    const { status, stderr } = drive('sync-execute', {}, [path.join(folder, 'half.om')]);
    expect(status).toBe(1);
    expect(stderr).toContain('row in the cache');
  });
});
