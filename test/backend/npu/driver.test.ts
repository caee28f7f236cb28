import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { driverRemedy, explainDriver, lookAtDriver } from '../../../src/backend/npu/driver.ts';
import { NpuError } from '../../../src/errors.ts';

const nodes = ['dev/davinci1', 'dev/davinci_manager', 'dev/devmm_svm', 'dev/hisi_hdc'];
const driver = 'usr/local/Ascend/driver';
const library = `${driver}/lib64/driver/libascend_hal.so`;
const version = `${driver}/version.info`;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-driver-'));
});
afterEach(() => rm(root, { recursive: true }));

/** A machine with these files. */
async function machine(...files: readonly string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), file === version ? 'package=driver\nVersion=25.2.0\n' : '');
  }
}

const lacking = async () =>
  (await lookAtDriver({}, root)).parts.filter(({ state }) => state !== 'there').map(({ what }) => what);

describe('the driver', () => {
  test('is all there: nothing is to be done', async () => {
    await machine(...nodes, library, version);
    const report = await lookAtDriver({}, root);
    expect(report.parts.map(({ detail }) => detail)).toEqual([
      '/dev/davinci1',
      '/dev/davinci_manager',
      '/dev/devmm_svm',
      '/dev/hisi_hdc',
      `/${library}`,
      `/${version}: 25.2.0`,
    ]);
    expect(driverRemedy(report)).toBeUndefined();
  });

  test.each([
    ['/dev/davinciN', 'dev/davinci1', '--device /dev/davinci0'],
    ['/dev/davinci_manager', 'dev/davinci_manager', '--device /dev/davinci_manager'],
    ['/dev/devmm_svm', 'dev/devmm_svm', '--device /dev/devmm_svm'],
    ['/dev/hisi_hdc', 'dev/hisi_hdc', '--device /dev/hisi_hdc'],
    ['libascend_hal.so', library, `-v /${driver}/lib64:/${driver}/lib64:ro`],
    ['version.info', version, `-v /${version}:/${version}:ro`],
  ])('lacks %s in a container: it is named, with how to start the container', async (what, file, flag) => {
    await machine('.dockerenv', ...[...nodes, library, version].filter((each) => each !== file));
    expect(await lacking()).toEqual([what]);
    expect(driverRemedy(await lookAtDriver({}, root))?.split('add: ')[1]).toBe(flag);
  });

  test('is closed to the user: a container needs the number of the group, a machine its name', () => {
    const part = { what: '/dev/hisi_hdc', state: 'closed', detail: '/dev/hisi_hdc', containerFlag: '' } as const;
    expect(driverRemedy({ parts: [part], isInContainer: true })).toBe(
      'This user may not open /dev/hisi_hdc; with Docker, add: --group-add "$(stat -c %g /dev/davinci_manager)"',
    );
    expect(driverRemedy({ parts: [part], isInContainer: false })).toContain('usually HwHiAiUser');
  });

  test('is looked for where its installer noted it', async () => {
    await machine(...nodes);
    await mkdir(join(root, 'etc'));
    await writeFile(join(root, 'etc/ascend_install.info'), 'UserName=x\nDriver_Install_Path_Param=/opt/Ascend\n');
    await mkdir(join(root, 'opt/Ascend/driver/lib64/common'), { recursive: true });
    await writeFile(join(root, 'opt/Ascend/driver/lib64/common/libascend_hal.so'), '');
    await writeFile(join(root, 'opt/Ascend/driver/version.info'), 'Version=24.1\n');
    expect(await lacking()).toEqual([]);
  });

  test('outside of a container is to be installed, not mounted', async () => {
    expect(driverRemedy(await lookAtDriver({}, root))).toMatch(/^Install the Ascend driver/);
    await machine(...nodes);
    expect(driverRemedy(await lookAtDriver({}, root))).toContain('install it again');
    expect(driverRemedy(await lookAtDriver({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, root))).toContain('container');
  });
});

describe('an error', () => {
  const call = { aclCode: 507008, aclFunction: 'aclInit', hint: 'x' };

  test('about the driver names what of it is missing, and keeps its code and call', async () => {
    await machine('.dockerenv', ...nodes.slice(0, 3), library, version);
    const explained = await explainDriver(new NpuError('NPU_DRIVER', 'aclInit failed', call), {}, root);
    expect(explained).toMatchObject({ code: 'NPU_DRIVER', aclCode: 507008, aclFunction: 'aclInit' });
    expect(explained).toMatchObject({ message: 'aclInit failed\n  not usable here: /dev/hisi_hdc' });
    expect(explained).toMatchObject({ hint: expect.stringContaining('--device /dev/hisi_hdc') });
  });

  test.each([
    ['about something else', new NpuError('NPU_OUT_OF_MEMORY', 'too large')],
    ['about CANN’s own libraries', new NpuError('NPU_LIBRARY_MISSING', 'libascendcl.so: not there')],
    ['of no NPU', new Error('x')],
  ])('%s stays as it is', async (_, error) => {
    expect(await explainDriver(error, {}, root)).toBe(error);
  });

  test('about the driver stays as it is where all of it is there', async () => {
    await machine(...nodes, library, version);
    const error = new NpuError('NPU_DRIVER', 'aclInit failed', call);
    expect(await explainDriver(error, {}, root)).toBe(error);
  });
});
