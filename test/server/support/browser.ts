import { existsSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const folders = (process.env['PATH'] ?? '').split(delimiter);

/** The system's Chromium; tests that need one are skipped without, and under CI its absence is an error. */
export const chromiumPath = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(existsSync);
if (chromiumPath === undefined) {
  if (process.env['CI'] !== undefined) throw new Error('there is no chromium, and the page has to be tested in one');
  console.warn('no chromium on the PATH, so the tests of the page in a browser are skipped');
}

/** A Chromium without a window, whose microphone hears the shipped sample. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath ?? '',
    args: [
      '--no-sandbox',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${resolve('samples/espeak-en-16k.wav')}%noloop`,
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong on it, violations of the Content-Security-Policy included. */
  readonly problems: string[];
}

/** A page in a browser profile of its own, which is gone when the test is over. */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'en-GB', acceptDownloads: true, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // That a server asks for a key is told on the page.
    if (message.type() === 'error' && !/status of (401|429|503)/.test(message.text())) problems.push(message.text());
  });
  await page.goto(url);
  return { page, context, problems };
}
