import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pool } from '../../src/pool/pool.ts';
import type { Segment } from '../../src/transcribe/segment.ts';
import { models } from '../support/models.ts';
import { chromiumPath, openBrowser, openPage } from './support/browser.ts';
import { compiledPool, scriptedPool, segmentOf, startServer, type TestServer } from './support/test-server.ts';

const sample = 'samples/espeak-en-16k.wav';
const recording = (name: string) => ({ name, mimeType: 'audio/wav', buffer: readFileSync(sample) });
/** What whisper-tiny.en hears in any case. */
const sentence = /processing unit turns.* in a fraction of a second\./i;

/** Says texts, a second each, with words that share it; waits before the ones that `gate` keeps back. */
function sayingPool(texts: readonly string[], gate: (id: number) => Promise<void> = async () => {}): Pool {
  return scriptedPool(async function* (given): AsyncGenerator<Segment> {
    for await (const _ of given.samples());
    for (const [id, text] of texts.entries()) {
      await gate(id);
      const words = text.split(/(?= )/);
      yield {
        ...segmentOf(text, id),
        words: words.map((word, i) => ({
          text: word,
          startSeconds: id + i / words.length,
          endSeconds: id + (i + 1) / words.length,
          probability: word === ' Bob' ? 0.3 : 0.95,
        })),
      };
    }
  });
}

const meeting = [' Alice met Bob in Rome.', ' Bob spoke & Alice wrote.', ' Then both left.'];
const startMeeting = (options?: Parameters<typeof startServer>[1]) => startServer(sayingPool(meeting), options);

async function downloaded(page: Page, name: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#bar').getByRole('button', { name, exact: true }).click(),
  ]);
  return `${download.suggestedFilename()}\n${readFileSync(await download.path(), 'utf8')}`;
}

async function transcribed(page: Page, ...files: readonly ReturnType<typeof recording>[]): Promise<void> {
  await page.locator('#files').setInputFiles(files.length === 0 ? [recording('talk.wav')] : files);
  await page
    .locator('#list .done')
    .nth(Math.max(0, files.length - 1))
    .waitFor();
}

const rows = (page: Page) => page.locator('#segments > li');
const texts = (page: Page) => page.locator('#segments p').allInnerTexts();

async function expectNothingSerious(page: Page): Promise<void> {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(`${axe}; 0`);
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; impact: string; nodes: { html: string }[] }[];
  };
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`)).toEqual([]);
}

describe.skipIf(chromiumPath === undefined)('the page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  const open = async ({ url }: TestServer, options?: Parameters<typeof openPage>[2]) => openPage(browser, url, options);

  test('takes several files one after the other, shows text as it comes, and can be told to stop', async () => {
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const server = await startServer(sayingPool(meeting, (id) => (id === 2 ? held : Promise.resolve())));
    const { page, problems } = await open(server);
    await page.locator('#files').setInputFiles([recording('one.wav'), recording('two.wav'), recording('three.wav')]);
    await expect.poll(() => texts(page)).toEqual(meeting.slice(0, 2).map((text) => text.trim()));
    await expect.poll(() => page.locator('#list .working').innerText()).toBe('0:02 of 0:05');
    expect(await page.locator('#list .waiting').count()).toBe(2);
    expect(await page.locator('#list progress').first().getAttribute('value')).toMatch(/^0\.3/);
    await page
      .getByRole('button', { name: 'Remove three.wav' })
      .or(page.getByRole('button', { name: 'Cancel' }).nth(2))
      .click();
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.locator('#list .stopped').waitFor();
    goOn();
    await page.locator('#list .done').waitFor();
    expect(await page.locator('#list b').allInnerTexts()).toEqual(['one.wav', 'two.wav']);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.locator('#list .done').nth(1).waitFor();
    expect(await texts(page)).toHaveLength(3);
    await expect.poll(() => server.answered.filter(({ status }) => status === 499)).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  test('plays from a word that is clicked, and marks the word that is said', async () => {
    const { page, problems } = await open(await startMeeting());
    await transcribed(page);
    await rows(page).nth(1).getByText('Alice').click();
    const time = () => page.evaluate('document.querySelector("audio").currentTime');
    await expect.poll(time).toBeGreaterThan(1.6);
    const said = page.locator('#segments span.said');
    await expect.poll(() => said.innerText()).toBe('wrote.');
    await expect.poll(() => said.innerText()).toBe('Then');
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await time()).toBeLessThan(4);
    await rows(page).nth(0).getByRole('button', { name: 'Listen from 0:00' }).click();
    await expect.poll(() => said.innerText()).toBe('Alice');
    expect(await page.locator('#segments span.low').allInnerTexts()).toEqual(['Bob', 'Bob']);
    expect(problems).toEqual([]);
  });

  test('lets people edit, split, join, replace and undo, and keeps what they made of it', async () => {
    const { page, problems } = await open(await startMeeting());
    await transcribed(page);
    await rows(page).nth(0).hover();
    await rows(page).nth(0).getByRole('button', { name: 'Edit' }).click();
    await page.locator('textarea').fill('Alice met Robert in old Rome.');
    await page.keyboard.press('Enter');
    expect(await texts(page)).toEqual(['Alice met Robert in old Rome.', 'Bob spoke & Alice wrote.', 'Then both left.']);
    // Words that stayed are still said when they were.
    expect(await downloaded(page, 'json')).toContain('"word": " Rome.",\n          "start": 0.8,\n          "end": 1,');

    await rows(page).nth(0).press('e');
    await page.locator('textarea').press('Home');
    for (let i = 0; i < 'Alice met'.length; i++) await page.keyboard.press('ArrowRight');
    await page.getByRole('button', { name: 'Split here' }).click();
    expect((await texts(page)).slice(0, 2)).toEqual(['Alice met', 'Robert in old Rome.']);
    expect(await downloaded(page, 'Download SRT')).toMatch(
      /^talk\.srt\n1\n00:00:00,000 --> 00:00:00,400\nAlice met\n\n2\n00:00:00,400 --> 00:00:01,000\nRobert in old/,
    );

    await rows(page)
      .nth(2)
      .click({ position: { x: 400, y: 10 } });
    await rows(page).nth(2).getByRole('button', { name: 'Join' }).click();
    expect(await texts(page)).toEqual(['Alice met', 'Robert in old Rome.', 'Bob spoke & Alice wrote. Then both left.']);

    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('textbox', { name: 'Find' }).fill('alice');
    expect(await page.locator('#found').innerText()).toBe('1 of 2');
    await page.getByRole('textbox', { name: 'Replace with' }).fill('Carol');
    await page.getByRole('button', { name: 'Replace all' }).click();
    expect(await texts(page)).toEqual(['Carol met', 'Robert in old Rome.', 'Bob spoke & Carol wrote. Then both left.']);
    for (const _ of [1, 2]) await page.getByRole('button', { name: 'Undo' }).click();
    const kept = ['Alice met', 'Robert in old Rome.', 'Bob spoke & Alice wrote.', 'Then both left.'];
    expect(await texts(page)).toEqual(kept);
    await page.waitForFunction(
      `localStorage.getItem(Object.keys(localStorage).find((key) => key.includes(':entry:'))).split('Then').length === 2`,
    );
    await page.waitForTimeout(700); // it is kept half a second after the last change

    await page.reload();
    await page.locator('#list .open').click();
    expect(await texts(page)).toEqual(kept);
    await expect.poll(() => page.locator('#player').isVisible()).toBe(false);
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByText('Choose the recording').click(),
    ]);
    await chooser.setFiles([recording('talk.wav')]);
    await page.locator('#player').waitFor();
    expect(problems).toEqual([]);
  });

  test('gives every format', async () => {
    const { page } = await open(await startMeeting());
    await transcribed(page);
    expect(await downloaded(page, 'vtt')).toMatch(
      /^talk\.vtt\nWEBVTT\n\n00:00\.000 --> 00:01\.000\nAlice met Bob in Rome\.\n\n.*spoke &amp; Alice/s,
    );
    expect(await downloaded(page, 'txt')).toBe(
      'talk.txt\nAlice met Bob in Rome.\nBob spoke & Alice wrote.\nThen both left.\n',
    );
    expect(await downloaded(page, 'lrc')).toMatch(/^talk\.lrc\n\[by:whisper-npu\]\n\[00:00\.00\]Alice/);
    expect(JSON.parse((await downloaded(page, 'json')).replace('talk.json\n', ''))).toMatchObject({
      text: meeting.join(''),
      language: 'en',
      duration: 5.603,
      file: 'talk.wav',
      model: 'scripted',
    });
    await page.getByLabel('Format').selectOption('LRC');
    expect(await downloaded(page, 'Download LRC')).toMatch(/^talk\.lrc/);
  });

  test('asks for the key of a server that has one, until it is right, and forgets it with the tab', async () => {
    const server = await startMeeting({ access: { hosts: [], corsOrigins: [], apiKey: 'sk-right' } });
    const { page, context, problems } = await open(server);
    await page.getByLabel('Key', { exact: true }).fill('密钥');
    await page.getByRole('button', { name: 'Use' }).click();
    expect(await page.getByRole('dialog').isVisible()).toBe(true);
    for (const key of ['sk-wrong', 'sk-right']) {
      await page.getByRole('dialog').waitFor();
      await page.getByLabel('Key', { exact: true }).fill(key);
      await page.getByRole('button', { name: 'Use' }).click();
    }
    await page.getByText('Ready · scripted').waitFor();
    await transcribed(page);
    expect(await texts(page)).toHaveLength(3);
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain('sk-right');
    const other = await context.newPage();
    await other.goto(server.url);
    await other.getByRole('dialog').waitFor();
    await other.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await other.locator('#files').setInputFiles([recording('talk.wav')]);
    await other.getByRole('dialog').waitFor();
    await other.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await other.locator('#list .failed').waitFor();
    expect(await other.locator('#problem').innerText()).toMatch(/this server asks for a key/);
    expect(problems).toEqual([]);
  });

  test('sends what is chosen, and remembers it', async () => {
    const asked: unknown[] = [];
    const said = sayingPool(meeting);
    const pool = scriptedPool((given, options) => {
      asked.push(options);
      return said.transcribe(given, options);
    });
    const server = await startServer(pool);
    const { page } = await open(server);
    await page.getByLabel('Language').selectOption('German');
    await page.getByLabel('Task').selectOption('Translate to English');
    await page.getByText('More options').click();
    await page.getByLabel('Beam size').fill('3');
    await page.getByLabel('Names and words to expect').fill('Siobhan');
    await page.getByLabel('Word times').uncheck();
    await page.reload();
    await transcribed(page);
    expect(asked[0]).toMatchObject({
      language: 'de',
      task: 'translate',
      beamSize: 3,
      hotwords: ['Siobhan'],
      wordTimestamps: false,
    });
    expect(await page.getByLabel('Language').inputValue()).toBe('de');
  });

  test('says what is wrong, and waits for a server that is busy', async () => {
    let isBusy = true;
    const { page } = await open(await startMeeting());
    await page.route('**/v1/audio/transcriptions', async (route) => {
      if (!isBusy) return route.continue();
      isBusy = false;
      await route.fulfill({
        status: 429,
        headers: { 'retry-after': '1' },
        json: { error: { message: 'busy', code: 'server_busy' } },
      });
    });
    await page.locator('#files').setInputFiles([recording('talk.wav')]);
    await page.getByText('the server is busy').first().waitFor();
    await page.locator('#list .done').waitFor();
    await page
      .locator('#files')
      .setInputFiles([{ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no sound') }]);
    await page.locator('#list .failed').waitFor();
    expect(await page.locator('#problem').innerText()).toMatch(/notes\.txt/);
  });

  test('can be used with the keyboard alone', async () => {
    const { page, problems } = await open(await startMeeting());
    await transcribed(page);
    await page.getByRole('checkbox', { name: 'Confidence' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('j');
    expect(await texts(page)).toEqual(['Alice met Bob in Rome.', 'Bob spoke & Alice wrote. Then both left.']);
    await page.keyboard.press('Control+z');
    expect(await texts(page)).toHaveLength(3);
    expect(problems).toEqual([]);
    await page.keyboard.press('F2');
    await page.keyboard.press('Escape');
    expect(problems).toEqual([]);
    expect(await page.evaluate('document.activeElement.outerHTML')).toMatch(/^<li/);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.locator('#segments span.said').innerText()).toBe('spoke');
    expect(await page.evaluate('document.querySelector("audio").paused')).toBe(true);
    await page.keyboard.press(' ');
    await expect.poll(() => page.evaluate('document.querySelector("audio").paused')).toBe(false);
  });

  test.each([
    ['light, in English', { colorScheme: 'light' }],
    ['dark, in Chinese, on a phone', { colorScheme: 'dark', locale: 'zh-CN', viewport: { width: 390, height: 844 } }],
  ] as const)('is readable and has names for screen readers: %s', async (_, options) => {
    const { page, problems } = await open(await startMeeting(), options);
    await page.locator('#server[data-state=ready]').waitFor();
    await expectNothingSerious(page);
    await transcribed(page);
    await page.locator('#show-find').click();
    await page.locator('#find').fill('alice');
    await rows(page).nth(1).press('e');
    await page.locator('details').first().evaluate('(details) => { details.open = true }');
    await expectNothingSerious(page);
    const widths = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]');
    expect((widths as number[])[0]).toBeLessThanOrEqual((widths as number[])[1] ?? 0);
    expect(await page.locator('#choose').innerText()).toBe(
      options.colorScheme === 'dark' ? '添加录音' : 'Add recordings',
    );
    expect(problems).toEqual([]);
  });

  test('takes what is dropped, in the language and colours that somebody chose', async () => {
    const { page, problems } = await open(await startMeeting());
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByRole('button', { name: '深色或浅色' }).click();
    const ground = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(await ground()).toBe('rgb(15, 19, 24)');
    await page.reload();
    expect(await ground()).toBe('rgb(15, 19, 24)');
    const bytes = readFileSync(sample).toString('base64');
    await page.evaluate(`(() => {
      const files = new DataTransfer();
      const bytes = Uint8Array.from(atob('${bytes}'), (letter) => letter.charCodeAt(0));
      for (const name of ['a.wav', 'b.wav']) files.items.add(new File([bytes], name));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
    })()`);
    await page.locator('#list .done').nth(1).waitFor();
    expect(await page.locator('#list b').allInnerTexts()).toEqual(['a.wav', 'b.wav']);
    expect(await page.locator('#about').innerText()).toMatch(/^0:05 · 英语/);
    const names: string[] = [];
    page.on('download', (download) => names.push(download.suggestedFilename()));
    await page.getByRole('button', { name: '全部下载' }).click();
    await expect.poll(() => names.toSorted()).toEqual(['a.srt', 'b.srt']);
    page.once('dialog', (dialog) => dialog.accept());
    await page.getByRole('button', { name: '清空列表' }).click();
    await page.locator('#empty').waitFor();
    expect(await page.evaluate('Object.keys(localStorage).filter((name) => name.includes(":entry:"))')).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('records in a browser that cannot change the rate of a microphone', async () => {
    const { page, problems } = await open(await startMeeting(), { permissions: ['microphone'] });
    await page.evaluate(`(() => {
      const create = AudioContext.prototype.createMediaStreamSource;
      AudioContext.prototype.createMediaStreamSource = function (stream) {
        if (this.sampleRate === 16_000) throw new DOMException('another rate', 'NotSupportedError');
        return create.call(this, stream);
      };
    })()`);
    await page.getByRole('button', { name: 'Record', exact: true }).click();
    await page.getByRole('button', { name: /^Stop 2 s/ }).click();
    await page.locator('#list .done').waitFor();
    // Seconds that passed, and not those that as many samples would take at another rate.
    expect(await page.locator('#about').innerText()).toMatch(/^0:0[123] /);
    expect(problems).toEqual([]);
  });

  test('keeps what had come of a recording that was stopped, and what was made of it', async () => {
    const held = new Promise<void>(() => {});
    const server = await startServer(sayingPool(meeting, (id) => (id === 2 ? held : Promise.resolve())));
    const { page, problems } = await open(server);
    await page.locator('#files').setInputFiles([recording('talk.wav')]);
    await expect.poll(() => texts(page)).toHaveLength(2);
    await page.getByRole('button', { name: 'Cancel' }).first().click();
    await page.locator('#list .stopped').waitFor();
    await page.reload();
    await page.locator('#list .open').click();
    await expect.poll(() => texts(page)).toHaveLength(2);
    expect(await page.locator('#list .kept').innerText()).toMatch(/^incomplete/);
    expect(problems).toEqual([]);
  });

  test('what was edited a moment before the page goes is kept, and what was removed does not come back', async () => {
    const { page, problems } = await open(await startMeeting());
    await transcribed(page, recording('talk.wav'), recording('other.wav'));
    const correct = async (name: string) => {
      await page.locator('#list .open', { hasText: name }).click();
      await rows(page).nth(0).hover();
      await rows(page).nth(0).getByRole('button', { name: 'Edit' }).click();
      await page.locator('#segments textarea').fill(`of ${name}`);
      await page.locator('#segments textarea').press('Enter');
    };
    await correct('talk.wav');
    await correct('other.wav');
    await page.getByRole('button', { name: 'Remove other.wav' }).click();
    await page.reload();
    expect(await page.locator('#list b').allInnerTexts()).toEqual(['talk.wav']);
    await page.locator('#list .open').click();
    await expect.poll(() => texts(page)).toContain('of talk.wav');
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain('of other.wav');
    expect(problems).toEqual([]);
  });

  test('recordings wait for a server that is gone for a while', async () => {
    let isGone = true;
    const { page } = await open(await startMeeting());
    await page.getByText('Ready · scripted').waitFor();
    for (const path of ['**/v1/audio/transcriptions', '**/ready'])
      await page.route(path, (route) => (isGone ? route.abort() : route.continue()));
    await page.locator('#files').setInputFiles([recording('one.wav'), recording('two.wav')]);
    await page.locator('#list .failed').waitFor();
    expect(await page.locator('#list .failed').innerText()).toBe('failed: The server cannot be reached');
    await page.getByText('The server cannot be reached', { exact: true }).first().waitFor();
    expect(await page.locator('#list .waiting').count()).toBe(1);
    isGone = false;
    await page.locator('#list .done').waitFor();
    expect(await page.locator('#list .failed').count()).toBe(1);
  });

  test('asks for the microphone once, whoever presses twice, and lets it go where it cannot be used', async () => {
    const { page } = await open(await startMeeting(), { permissions: ['microphone'] });
    await page.evaluate(`(() => {
      globalThis.streams = [];
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        streams.push(await ask(wanted));
        return streams.at(-1);
      };
      const addModule = AudioWorklet.prototype.addModule;
      AudioWorklet.prototype.addModule = function (...given) {
        return streams.length === 1 ? Promise.reject(new Error('no worklet')) : addModule.apply(this, given);
      };
    })()`);
    const live = () => page.evaluate('streams.map((stream) => stream.getTracks()[0].readyState)');
    await page.locator('#record').dblclick();
    await page.getByText('The microphone cannot be used: no worklet').waitFor();
    expect(await live()).toEqual(['ended']);
    await page.locator('#record').dblclick();
    await page.getByRole('button', { name: /^Stop 1 s/ }).click();
    await page.locator('#list .done').waitFor();
    expect(await live()).toEqual(['ended', 'ended']);
  });

  test('works in a browser that keeps nothing', async () => {
    const server = await startMeeting({ access: { hosts: [], corsOrigins: [], apiKey: 'sk-right' } });
    const { page, problems } = await open({ ...server, url: 'about:blank' });
    await page.addInitScript(`
      for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(globalThis, name, { get: () => { throw new DOMException('denied', 'SecurityError'); } });
    `);
    await page.goto(server.url);
    await page.getByLabel('Key', { exact: true }).fill('sk-right');
    await page.getByRole('button', { name: 'Use' }).click();
    await transcribed(page);
    expect(await texts(page)).toHaveLength(3);
    await page.getByRole('button', { name: 'Remove talk.wav' }).click();
    await page.locator('#empty').waitFor();
    expect(problems).toEqual([]);
  });

  test('keeps a bounded history', async () => {
    const { page } = await open(await startMeeting());
    const left = await page.evaluate(`(async () => {
      const { keep, kept, load } = await import('/page/history.js');
      const words = Array.from({ length: 20_000 }, (_, i) => ({ text: ' something', start: i, end: i + 1, probability: 0.5 }));
      const segments = [{ start: 0, end: 20_000, words }];
      for (let i = 0; i < 12; i++) keep({ id: String(i), name: 'long', date: i, segments });
      return { ids: kept().map(({ id }) => id), size: JSON.stringify(localStorage).length, last: load('11')[0].words.length, first: load('0') };
    })()`);
    const { ids, size, last, first } = left as { ids: string[]; size: number; last: number; first?: unknown };
    expect(ids[0]).toBe('11');
    expect(ids.length).toBeGreaterThan(2);
    expect(ids.length).toBeLessThan(12);
    expect(size).toBeLessThan(5_000_000);
    expect(last).toBe(20_000);
    expect(first).toBeUndefined();
  });

  describe.skipIf(models.tinyEn === undefined)('with a real model', () => {
    let pool: Pool;
    beforeAll(async () => {
      pool = await compiledPool(models.tinyEn ?? '');
    });
    afterAll(() => pool?.close());
    /** The pool outlives the servers of the tests. */
    const shared = (): Pool => ({ ...pool, close: async () => {}, [Symbol.asyncDispose]: async () => {} });

    test('goes with a person from a file to subtitles, and from the microphone to text', async () => {
      const { page, problems } = await open(await startServer(shared()), { permissions: ['microphone'] });
      await page.getByText(`Ready · ${pool.name}`).waitFor();
      await transcribed(page, recording('speech.wav'));
      expect((await texts(page)).join(' ')).toMatch(sentence);
      expect(await downloaded(page, 'Download SRT')).toMatch(/^speech\.srt\n1\n00:00:00,000 --> 00:00:0\d,\d{3}\n/);
      await page.getByRole('button', { name: 'Record', exact: true }).click();
      await page.getByRole('button', { name: /^Stop [67] s/ }).click();
      await page.locator('#list .done').nth(1).waitFor();
      expect(await page.locator('#list b').first().innerText()).toMatch(/^Recording .*\.wav$/);
      expect((await texts(page)).join(' ')).toMatch(/fraction of a second/i);
      expect(problems).toEqual([]);
    });
  });
});
