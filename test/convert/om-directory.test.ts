import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkOmDirectory } from '../../src/convert/om-directory.ts';

let root: string;
const check = (directory: string) => checkOmDirectory(directory, { soc: 'Ascend910B4', isStandIn: false }, () => {});
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-om-'));
});
afterEach(() => rm(root, { recursive: true }));

test('a folder of OM files that does not exist, or is none, is named with what to do', async () => {
  await writeFile(join(root, 'file'), '');
  for (const [name, reason] of [
    ['nowhere', 'does not exist'],
    ['file', 'cannot be read as a folder'],
  ] as const) {
    const error = await check(join(root, name)).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: 'NpuError', code: 'NPU_MODEL_MISSING' });
    expect(String(error)).toContain(`${join(root, name)} ${reason}`);
  }
});

test('an OM file that is cut short and weights that are empty are refused', async () => {
  await writeFile(join(root, 'encoder.om'), 'IMOD');
  await expect(check(root)).rejects.toMatchObject({ code: 'OM_INVALID' });
  await rm(join(root, 'encoder.om'));
  await mkdir(join(root, 'weight'));
  await writeFile(join(root, 'weight', 'abc'), '');
  await expect(check(root)).rejects.toMatchObject({
    code: 'OM_INVALID',
    message: expect.stringContaining('abc is empty'),
  });
});
