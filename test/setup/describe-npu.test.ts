import { describe, expect, test } from 'vitest';
import type { DriverPart } from '../../src/backend/npu/driver.ts';
import { NpuError } from '../../src/errors.ts';
import { describeDriver, describeLibraries, describeNoAcl } from '../../src/setup/describe-npu.ts';

const part = (what: string, state: DriverPart['state']): DriverPart => {
  return { what, state, detail: what, containerFlag: `--device ${what}` };
};
const shown = (findings: readonly { isDetail?: boolean }[]) => findings.filter(({ isDetail }) => isDetail !== true);

describe('what doctor says of the driver', () => {
  test('is one line where there is none of it', () => {
    const parts = [part('/dev/davinciN', 'missing'), part('/dev/hisi_hdc', 'missing')];
    const findings = describeDriver({ parts, isInContainer: false });
    expect(shown(findings)).toEqual([expect.objectContaining({ state: 'missing', remedy: expect.any(String) })]);
    expect(findings).toHaveLength(3);
  });

  test('is a line for each part where there is a device, and the advice once, behind the last that is lacking', () => {
    const parts = [part('/dev/davinciN', 'there'), part('/dev/devmm_svm', 'missing'), part('/dev/hisi_hdc', 'closed')];
    const findings = describeDriver({ parts, isInContainer: true });
    expect(findings.map(({ state, remedy }) => [state, remedy !== undefined])).toEqual([
      ['ok', false],
      ['failed', false],
      ['failed', true],
    ]);
  });
});

describe('what doctor says of libraries', () => {
  const absent = (name: string) => ({
    name,
    error: `${name}: cannot open shared object file: No such file or directory`,
  });
  const needsMore = {
    name: '/opt/cann/lib64/libascendcl.so',
    error: 'libascend_hal.so: cannot open shared object file: No such file or directory',
  };

  test('names what is there and cannot be loaded, and keeps places without a library for --verbose', () => {
    const libraries = [
      absent('libascendcl.so'),
      needsMore,
      needsMore,
      { name: 'libacl_rt.so', path: '/lib/libacl_rt.so' },
    ];
    const findings = describeLibraries({ libraries });
    expect(shown(findings)).toEqual([
      expect.objectContaining({
        state: 'missing',
        detail: expect.stringMatching(/libascendcl.so: libascend_hal.so: cannot/),
      }),
      expect.objectContaining({ state: 'ok', detail: '/lib/libacl_rt.so' }),
    ]);
    expect(findings).toHaveLength(4);
  });

  test('is one short line where there is none, without the list of places', () => {
    const libraries = ['libascendcl.so', '/a/libascendcl.so', 'libacl_rt.so', '/a/libacl_rt.so'].map(absent);
    const error = new NpuError('NPU_LIBRARY_MISSING', `tried ${'x'.repeat(1500)}`, { hint: 'Install CANN.' });
    expect(shown(describeLibraries({ libraries }))).toEqual([]);
    const { what, detail, remedy } = describeNoAcl({ libraries }, error, 'missing');
    expect({ what, remedy }).toEqual({ what: 'CANN', remedy: 'Install CANN.' });
    expect(detail).toBe('no libascendcl.so, libacl_rt.so that can be loaded, in 4 places (--verbose names them)');
  });
});
