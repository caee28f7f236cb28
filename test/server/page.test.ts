import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import { models } from '../support/models.ts';
import { chromiumPath, openBrowser, openPage } from './support/browser.ts';
import { compiledPool, startServer } from './support/test-server.ts';

const sample = 'samples/espeak-en-16k.wav';

async function downloaded(page: Page, press: () => Promise<void>): Promise<{ name: string; text: string }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
}

describe.skipIf(chromiumPath === undefined || models.tinyEn === undefined)('the page, with a real model', () => {
  let browser: Browser;
  let pool: Pool;
  beforeAll(async () => {
    [browser, pool] = await Promise.all([openBrowser(), compiledPool(models.tinyEn ?? '')]);
  });
  afterAll(async () => {
    await browser?.close();
    await pool?.close();
  });
  /** The pool outlives the servers of the tests. */
  const shared = (): Pool => ({ ...pool, close: async () => {}, [Symbol.asyncDispose]: async () => {} });

  test('goes with a person from a file to subtitles', async () => {
    const { url } = await startServer(shared());
    const { page, problems } = await openPage(browser, url);
    await page.getByText('Ready').waitFor();
    await page.locator('#files').setInputFiles(sample);
    await page.locator('#list .done').waitFor();
    expect(await page.locator('#segments').innerText()).toMatch(/in a fraction of a second\./);
    const srt = await downloaded(page, () => page.getByRole('button', { name: 'Download SRT' }).click());
    expect(srt.name).toBe('espeak-en-16k.srt');
    expect(srt.text).toMatch(/^1\n00:00:00,000 --> 00:00:0\d,\d{3}\n/);
    expect(problems).toEqual([]);
  });
});
