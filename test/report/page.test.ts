import { expect, test } from 'vitest';
import { paragraph, type Report, reportPage, reportTable } from '../../src/report/page.ts';

const report: Report = {
  title: 'whisper-npu bench',
  subtitle: 'whisper-base on CPU, 2 threads',
  environment: [
    ['CPU', 'Some & Co <x>'],
    ['Node', 'v20'],
  ],
  sections: [
    {
      heading: 'Stages',
      content: [paragraph('a < b'), reportTable({ header: ['stage', 'ms'], rows: [['load', '1.0']] })],
    },
  ],
  measuredAt: '2026-01-01 12:00',
};

test('is one document with its environment, sections and tables, everything escaped', () => {
  const page = reportPage(report);
  expect(page).toMatch(/^<!doctype html>\n<html lang="en">/);
  expect(page).toContain('<title>whisper-npu bench</title>');
  expect(page).toContain('<th scope="row">CPU</th><td>Some &amp; Co &lt;x&gt;</td>');
  expect(page).toContain('<p>a &lt; b</p>');
  expect(page).toContain('<th scope="col" class="number">ms</th>');
  expect(page).toContain('<th scope="row">load</th><td class="number">1.0</td>');
  expect(page).not.toContain('role="note"');
});

test('says first of all what a reader must know', () => {
  const page = reportPage({ ...report, notice: 'measured on a stand-in' });
  expect(page.indexOf('measured on a stand-in')).toBeLessThan(page.indexOf('Stages'));
});

test('needs nothing from outside and runs nothing', () => {
  const page = reportPage(report);
  expect(page).not.toMatch(/<script|<link|<img|<iframe|src=|href=|url\(|@import|https?:/i);
  expect(page).toContain('prefers-color-scheme: dark');
});

test('the style is not escaped: its quotes and child selectors are meant', () => {
  expect(reportPage(report)).toContain('"Segoe UI"');
});
