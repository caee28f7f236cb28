import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasStandIn, standInEnvironment } from '../../support/npu-stand-in.ts';
import { runCli } from '../../support/run-cli.ts';

let store: string;
beforeAll(async () => {
  store = await mkdtemp(join(tmpdir(), 'whisper-npu-doctor-'));
});
afterAll(() => rm(store, { recursive: true }));

describe('doctor without CANN', () => {
  const env = () => ({ WHISPER_NPU_HOME: store, ASCEND_HOME_PATH: '/opt/cann-of-nobody' });

  test('says what is missing in a short line each, once', async () => {
    const { stdout } = await runCli(['doctor'], { env: env() });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => /libascendcl|libacl_/.test(line))).toHaveLength(1);
    expect(new Set(lines).size).toBe(lines.length);
    for (const line of lines.filter((each) => !each.includes('->'))) expect(line.length).toBeLessThan(200);
  });

  test('--verbose names every place', async () => {
    const { stdout } = await runCli(['doctor', '--verbose'], { env: env() });
    for (const name of ['libascendcl.so', 'libacl_rt.so', 'libacl_mdl.so'])
      expect(stdout).toMatch(new RegExp(`^--\\s+library\\s+/opt/cann-of-nobody/lib64/${name}: cannot open`, 'm'));
  });

  test('--report writes all of it into a file, without the store’s place', async () => {
    const file = join(store, 'report.txt');
    const { stdout } = await runCli(['doctor', '--report', file], { env: env() });
    const report = await readFile(file, 'utf8');
    expect(report).toMatch(/^whisper-npu \d/);
    expect(report).toContain('/opt/cann-of-nobody/lib64/libascendcl.so');
    expect(report).not.toContain(store);
    expect(stdout).toContain(store);
  });

  test('--report says where it cannot write', async () => {
    const { code, stderr } = await runCli(['doctor', '--report', '/proc/report.txt'], { env: env() });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot write a report') });
  });
});

// No driver is on a machine that tests run on, so an error about it names its parts.
describe.skipIf(!hasStandIn)('a driver that does not answer (507008 at the start)', () => {
  const env = () => ({ ...standInEnvironment, WHISPER_NPU_HOME: store, STAND_IN_FAIL: 'aclInit:0:507008' });

  test('is no lost device, and the error names what to look at', async () => {
    const args = ['transcribe', '--json', '-d', 'npu', 'samples/espeak-en-16k.wav'];
    const { code, stdout, stderr } = await runCli(args, { env: env() });
    expect(code).toBe(5);
    expect(stdout + stderr).toContain('NPU_DRIVER');
    for (const name of ['/dev/davinciN', '/dev/davinci_manager', '/dev/devmm_svm', '/dev/hisi_hdc', 'libascend_hal.so'])
      expect(stderr).toContain(name);
  });

  test('is told by doctor', async () => {
    const { stdout } = await runCli(['doctor'], { env: env() });
    expect(stdout).toMatch(/NPU\s+aclInit failed with 507008 \(the driver/);
  });
});
