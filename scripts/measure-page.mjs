/**
 * Measures whether the page stays responsive while it shows a recording of an hour: 1,000 segments, 10,000 words.
 *
 *   npm run build && node scripts/measure-page.mjs
 *
 * Prints for each thing that a person does the longest task of the page's thread, by the clock and in time of the processor (they
 * differ where the machine does something else too), and how much memory the page holds. The segments come as fast as the page takes them, which is worse than a model could do.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openScriptedServer } from './page/scripted-server.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { chromium } = createRequire(join(root, 'test/'))('playwright-core');

const words = 'the people who were there said that it had begun with a small and quite unlikely question'.split(' ');
const said = Array.from({ length: 1000 }, (_, i) => {
  const text = Array.from({ length: 10 }, (_, k) => words[(i * 7 + k * 3) % words.length]).join(' ');
  return [3.6 * i, 3.6 * i + 3.4, `${text}.`];
});
const server = await openScriptedServer({ said, unsure: { unlikely: 0.4, small: 0.7 } });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--mute-audio', '--enable-precise-memory-info', '--js-flags=--expose-gc'],
});
const page = await browser.newPage({ viewport: { width: 1180, height: 760 } });
await page.goto(server.url);
await page.locator('#server[data-state=ready]').waitFor();

/** Milliseconds of the longest task in a trace: by the clock, and of the processor. */
function longestTask(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => ph === 'X' && /RunTask$/.test(name) && threads.has(`${pid} ${tid}`),
  );
  return [Math.max(...tasks.map(({ dur }) => dur)) / 1000, Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000];
}

/** Does something, and prints the longest task that it caused. */
async function measure(name, act) {
  await browser.startTracing(page, {
    categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline'],
  });
  await act();
  await page.waitForTimeout(700); // for what is saved or drawn later
  const [clock, processor] = longestTask(await browser.stopTracing());
  const memory = await page.evaluate('gc(), Math.round(performance.memory.usedJSHeapSize / 1e6)');
  const elements = await page.evaluate("document.querySelectorAll('*').length");
  const task = `${clock.toFixed(0)} ms (processor ${processor.toFixed(0)} ms)`;
  console.log(`${name.padEnd(36)} longest task ${task.padEnd(26)} ${memory} MB, ${elements} elements`);
}

await measure('a recording comes, 1,000 segments', async () => {
  await page.locator('#files').setInputFiles(server.recording);
  await page.locator('#list .done').waitFor({ timeout: 300_000 });
});
await measure('scrolling through all of it', () =>
  page.evaluate(`(async () => {
    for (let y = 0; y < document.body.scrollHeight; y += 600) {
      scrollTo({ top: y, behavior: 'instant' });
      await new Promise(requestAnimationFrame);
    }
  })()`),
);
await measure('a word far behind is played', async () => {
  await page.locator('#segments li').nth(900).locator('p').scrollIntoViewIfNeeded();
  await page.locator('#segments li').nth(900).locator('span').nth(3).click();
  await page.waitForTimeout(2000);
});
await measure('a segment is edited', async () => {
  await page.locator('#segments li').nth(900).dblclick();
  await page.locator('#segments textarea').fill('something else was said here.');
  await page.keyboard.press('Enter');
});
await measure('a word is found 600 times', async () => {
  await page.locator('#show-find').click();
  await page.locator('#find').fill('people');
});
await measure('and replaced everywhere', async () => {
  await page.locator('#replacement').fill('persons');
  await page.locator('#replace-all').click();
});
await measure('undone', () => page.locator('#undo').click());
await measure('downloaded', () =>
  Promise.all([page.waitForEvent('download'), page.locator('#downloads button').last().click()]),
);
await measure('the page is opened anew', async () => {
  await page.reload();
  await page.locator('#list .open').click();
  await page.locator('#segments li').nth(999).waitFor({ state: 'attached' });
});
await browser.close();
await server.close();
