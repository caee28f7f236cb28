/**
 * Makes the pictures of the server's page in docs/pictures/.
 *
 *   npm run build && node scripts/screenshot-page.mjs [FOLDER]
 *
 * The page is the real one in the system's Chromium, the server is the real one; what it hears is written here, so that the
 * pictures show the same whatever the model and the machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScriptedServer } from './page/scripted-server.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { chromium } = createRequire(join(root, 'test/'))('playwright-core');
const folder = resolve(process.argv[2] ?? join(root, 'docs/pictures'));
mkdirSync(folder, { recursive: true });

const said = [
  [0, 4.2, 'Good morning, and thank you all for joining.'],
  [4.6, 9.8, 'Today we look at how speech becomes text, right on this machine.'],
  [10.3, 15.9, 'Nothing leaves the room: the recording, the model and the words stay here.'],
  [16.4, 22.1, 'Every word knows when it was said, so you can click one and listen to it.'],
  [22.7, 28.4, 'Where the model was unsure, Siobhan Ó Brádaigh for instance, it is underlined.'],
  [29, 34.6, 'You can correct it, split a segment, join two of them, or replace a name everywhere.'],
  [35.2, 40.3, 'When you are done, take it away as subtitles, as plain text or as lyrics.'],
  [40.9, 46, 'An hour of conversation is as easy to read and to correct as a minute.'],
];
const unsure = { Siobhan: 0.42, Ó: 0.31, Brádaigh: 0.38, lyrics: 0.71, room: 0.74, underlined: 0.66 };

const server = await openScriptedServer({ said, unsure });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--mute-audio'],
});

async function shoot(
  name,
  { file = 'interview.wav', colorScheme = 'light', viewport = { width: 1180, height: 760 }, wanted, locale = 'en-GB' },
) {
  const context = await browser.newContext({
    viewport,
    colorScheme,
    locale,
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(server.url);
  await page.locator('#server[data-state=ready]').waitFor();
  await wanted?.(page, { name: file, mimeType: 'audio/wav', buffer: readFileSync(server.recording) });
  const path = join(folder, `page-${name}.png`);
  await page.screenshot({ path });
  await context.close();
  makeSmall(path);
  console.log(path);
}

/** A page has few colours: a palette takes a third of the bytes. */
function makeSmall(path) {
  const small = `${path}.small.png`;
  const filter = 'split[a][b];[a]palettegen=max_colors=128[p];[b][p]paletteuse=dither=none';
  const args = ['-loglevel', 'error', '-y', '-i', path, '-vf', filter, '-compression_level', '100', small];
  if (spawnSync('ffmpeg', args).status === 0) renameSync(small, path);
}

async function finish(page, file) {
  server.heard(Number.POSITIVE_INFINITY);
  await page.locator('#files').setInputFiles([file, { ...file, name: 'team-meeting.mp3' }]);
  await page.locator('#list .done').nth(1).waitFor();
  await page.locator('#segments li').nth(3).locator('span').nth(2).click();
  await page.waitForTimeout(600);
  await page.locator('#toggle').click();
  await page.mouse.move(0, 0);
  await page.locator('#said').waitFor({ state: 'hidden' });
}

const phone = { width: 390, height: 844 };
await shoot('empty', {});
await shoot('work', {
  async wanted(page, file) {
    server.heard(4);
    await page.locator('#files').setInputFiles([file, { ...file, name: 'team-meeting.mp3' }]);
    await page.locator('#segments li').nth(3).waitFor();
  },
});
await shoot('done', { wanted: finish });
await shoot('dark', { colorScheme: 'dark', wanted: finish });
await shoot('chinese', { locale: 'zh-CN', wanted: finish });
await shoot('phone', {
  viewport: phone,
  async wanted(page, file) {
    await finish(page, file);
    await page.evaluate("document.getElementById('transcript').scrollIntoView()");
  },
});
await browser.close();
await server.close();
