import { homedir, hostname, userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { bugReport } from '../../src/setup/bug-report.ts';

const finding = (detail: string) => ({ what: 'thing', state: 'failed', detail }) as const;
const env = { WHISPER_NPU_HOME: '/data/secret project/store' };

test('a bug report says what was found, and on what machine', () => {
  const report = bugReport('1.2.3', [finding('CANN 8.5.0, driver 25.2')], env);
  expect(report).toMatch(
    /^whisper-npu 1\.2\.3\nNode v\d+.*linux.*\n\d+ x .* GB of memory\n\nfailed {2}thing {9}CANN 8/,
  );
});

test('a bug report names no folders of the user, no models, no users and no machines', () => {
  const { username } = userInfo();
  const texts = [
    '/data/secret project/store/prepared/my-novel-12ab34cd/npu-x/encoder.om is damaged',
    `${homedir()}/Documents/atc`,
    `/mnt/${username}/atc on ${hostname()}`,
    `${process.cwd()}/x`,
  ];
  const report = bugReport('1.2.3', texts.map(finding), env);
  expect(report).toContain('<store>/prepared/<model>/npu-x/encoder.om is damaged');
  expect(report).toContain('<home>/Documents/atc');
  expect(report).toContain('/mnt/<user>/atc on <host>');
  expect(report).not.toMatch(/secret|novel/);
});

test('a bug report says what is meant for others where a finding is not', () => {
  const report = bugReport('1', [{ ...finding('/x: private-model'), publicDetail: '1 models' }], env);
  expect(report).toContain('1 models');
  expect(report).not.toContain('private-model');
});
