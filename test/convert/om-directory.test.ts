import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkOmDirectory } from '../../src/convert/om-directory.ts';
import { NpuError, WhisperNpuError } from '../../src/errors.ts';
import { modelDef, omHeader, partitionTable, partitionTypes, tableSize } from '../stand-in/om/om-file.ts';

let root: string;
let warnings: string[];
const check = (directory = root, isStandIn = false) =>
  checkOmDirectory(directory, { soc: 'Ascend910B4', isStandIn }, (message) => warnings.push(message));
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'whisper-npu-om-'));
  warnings = [];
});
afterEach(() => rm(root, { recursive: true }));

/** An OM file of which only the head matters, with so many bytes of weights in it. */
async function writeOm(name: string, attributes: Record<string, string>, weightBytes = 0): Promise<string> {
  const definition = modelDef(attributes, 256 + tableSize(2), 64);
  const table = partitionTable([
    { type: partitionTypes.modelDef, size: definition.length },
    { type: partitionTypes.weights, size: weightBytes },
  ]);
  const header = omHeader(table.length + definition.length + weightBytes, 'graph');
  const path = join(root, name);
  await writeFile(path, Buffer.concat([header, table, definition, Buffer.alloc(weightBytes)]));
  return path;
}

async function writeWeight(): Promise<void> {
  await mkdir(join(root, 'weight'));
  await writeFile(join(root, 'weight', 'abc'), 'numbers');
}

const fromDevice = { soc_version: 'Ascend910B4', atc_version: '8.5.0' };

test('whole files that were made for this chip pass, and nothing is said', async () => {
  await writeOm('encoder.om', fromDevice);
  await writeOm('decoder-1.om', fromDevice);
  await writeWeight();
  await check();
  expect(warnings).toEqual([]);
});

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

describe('an OM file is refused that', () => {
  const refused = (reason: string) =>
    expect(check()).rejects.toMatchObject({
      name: 'ModelError',
      code: 'OM_INVALID',
      message: expect.stringContaining(reason),
    });

  test('is shorter than its header', async () => {
    await writeFile(join(root, 'encoder.om'), 'IMOD');
    await refused('only 4 bytes');
  });

  test('is a byte shorter or longer than its header says', async () => {
    const path = await writeOm('encoder.om', fromDevice, 4096);
    const whole = await readFile(path);
    await truncate(path, whole.length - 1);
    await refused('should follow its header');
    await writeFile(path, Buffer.concat([whole, Buffer.of(0)]));
    await refused('should follow its header');
  });

  test('begins with something else', async () => {
    const path = await writeOm('encoder.om', fromDevice);
    const bytes = await readFile(path);
    await writeFile(path, Buffer.concat([Buffer.from('ONNX'), bytes.subarray(4)]));
    await refused('does not begin with IMOD');
  });

  test('is damaged anywhere in its head, or it passes: nothing else is thrown', async () => {
    const whole = await readFile(await writeOm('encoder.om', fromDevice));
    const damage = fc.record({
      kept: fc.integer({ min: 0, max: whole.length }),
      changes: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
      lengthFits: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ kept, changes, lengthFits }) => {
        const bytes = Buffer.from(whole.subarray(0, kept));
        for (const [at, value] of changes) if (at < kept) bytes[at] = value;
        if (lengthFits && kept >= 256) bytes.writeBigUInt64LE(BigInt(kept - 256), 184);
        await writeFile(join(root, 'encoder.om'), bytes);
        const error = await check(root, true).catch((thrown: unknown) => thrown);
        expect(error ?? new NpuError('', '')).toBeInstanceOf(WhisperNpuError);
      }),
    );
  });

  test('is a folder, or a link that leads nowhere', async () => {
    await mkdir(join(root, 'encoder.om'));
    await refused('it is no file');
    await rm(join(root, 'encoder.om'), { recursive: true });
    await symlink(join(root, 'nowhere'), join(root, 'encoder.om'));
    await refused('ENOENT');
  });
});

describe('weights outside the OM files', () => {
  test('that are empty, or no file, are refused', async () => {
    await mkdir(join(root, 'weight'));
    await writeFile(join(root, 'weight', 'abc'), '');
    await expect(check()).rejects.toMatchObject({
      code: 'OM_INVALID',
      message: expect.stringContaining('abc is empty'),
    });
    await rm(join(root, 'weight', 'abc'));
    await mkdir(join(root, 'weight', 'sub'));
    await expect(check()).rejects.toMatchObject({ code: 'OM_INVALID', message: expect.stringContaining('sub is no') });
  });

  test('may not be missing where the decoder holds none itself', async () => {
    const missing = { name: 'NpuError', code: 'NPU_MODEL_MISSING', message: expect.stringContaining('weight') };
    const path = await writeOm('decoder-1.om', fromDevice);
    await expect(check()).rejects.toMatchObject(missing);
    await writeFile(join(root, 'weight'), 'a file');
    await expect(check()).rejects.toMatchObject(missing);
    await rm(join(root, 'weight'));
    await mkdir(join(root, 'weight'));
    await expect(check()).rejects.toMatchObject(missing);
    await copyFile(path, join(root, 'weight', 'abc'));
    await check();
  });

  test('may be missing where atc was told to leave them in the OM files', async () => {
    await writeOm('decoder-1.om', fromDevice, 2_000_000);
    await check();
  });
});

describe('OM files that were made', () => {
  test('for another family of chips are refused', async () => {
    await writeOm('encoder.om', { ...fromDevice, soc_version: 'Ascend310P3' });
    await expect(check()).rejects.toMatchObject({
      name: 'NpuError',
      code: 'NPU_WRONG_SOC',
      message: expect.stringContaining('made for Ascend310P3, and this is Ascend910B4'),
    });
  });

  test('for another chip of the family run, with a warning', async () => {
    await writeOm('encoder.om', { ...fromDevice, soc_version: 'Ascend910B3' });
    await check();
    expect(warnings).toEqual([expect.stringContaining('was made for Ascend910B3')]);
  });

  test('by the stand-in for atc run on the stand-in alone', async () => {
    await writeOm('encoder.om', { ...fromDevice, atc_version: 'stand-in' });
    await check(root, true);
    await expect(check()).rejects.toMatchObject({ name: 'NpuError', code: 'NPU_STAND_IN_MODEL' });
  });
});
